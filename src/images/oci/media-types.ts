/** The media types of images: OCI image specification, media-types.md, and Docker's schema 2 that came before it. */
export const MediaType = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
} as const;

/** How a layer's tar is compressed. */
export type LayerCompression = "none" | "gzip" | "zstd";

/** Whose media types a document uses. */
export type MediaTypeFamily = "oci" | "docker";

const LAYERS: Record<MediaTypeFamily, Record<LayerCompression, string>> = {
  oci: { none: MediaType.ociLayer, gzip: MediaType.ociLayerGzip, zstd: MediaType.ociLayerZstd },
  docker: { none: MediaType.dockerLayer, gzip: MediaType.dockerLayerGzip, zstd: MediaType.dockerLayerZstd },
};

/** Layers that may be kept out of registries; their media types are read, never written. */
const FOREIGN_LAYERS: Record<string, LayerCompression> = {
  "application/vnd.oci.image.layer.nondistributable.v1.tar": "none",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
  "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
  "application/vnd.docker.image.rootfs.foreign.diff.tar": "none",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
};

const COMPRESSIONS: ReadonlyMap<string, LayerCompression> = new Map([
  ...Object.values(LAYERS).flatMap((family) =>
    Object.entries(family).map(([compression, type]) => [type, compression as LayerCompression] as const),
  ),
  ...Object.entries(FOREIGN_LAYERS),
]);

const OCI_TO_DOCKER: ReadonlyMap<string, string> = new Map([
  [MediaType.ociManifest, MediaType.dockerManifest],
  [MediaType.ociIndex, MediaType.dockerManifestList],
  [MediaType.ociConfig, MediaType.dockerConfig],
  [MediaType.ociLayer, MediaType.dockerLayer],
  [MediaType.ociLayerGzip, MediaType.dockerLayerGzip],
  [MediaType.ociLayerZstd, MediaType.dockerLayerZstd],
]);
const DOCKER_TO_OCI: ReadonlyMap<string, string> = new Map(
  [...OCI_TO_DOCKER].map(([oci, docker]) => [docker, oci]),
);

/** How the layers of a media type are compressed; undefined when it isn't a layer's media type. */
export function layerCompression(mediaType: string): LayerCompression | undefined {
  return COMPRESSIONS.get(mediaType);
}

/** The media type of a layer with the given compression. */
export function layerMediaType(compression: LayerCompression, family: MediaTypeFamily = "oci"): string {
  return LAYERS[family][compression];
}

/** Whether a layer of this media type may be missing from the registry that has its manifest. */
export function isForeignLayer(mediaType: string): boolean {
  return Object.hasOwn(FOREIGN_LAYERS, mediaType);
}

/**
 * Whether a manifest's config may be an image's, by its media type. Those that say nothing are old registries' for what
 * Docker pushed, and Docker takes them.
 */
export function isConfigType(mediaType: string): boolean {
  return CONFIGS.has(mediaType);
}

const CONFIGS: ReadonlySet<string> = new Set([
  MediaType.ociConfig,
  MediaType.dockerConfig,
  "application/octet-stream",
  "application/json",
  "text/html",
  "text/plain",
]);

/** Whether the media type is that of an image manifest: OCI's or Docker's schema 2. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === MediaType.ociManifest || mediaType === MediaType.dockerManifest;
}

/** Whether the media type is that of a list of manifests: an OCI index or Docker's manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MediaType.ociIndex || mediaType === MediaType.dockerManifestList;
}

/** Whether the media type is Docker's schema 1, retired long ago and never read by varve. */
export function isSchema1Type(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/.test(mediaType);
}

/** The OCI media type for Docker's; any other is returned as it is. */
export function toOciMediaType(mediaType: string): string {
  return DOCKER_TO_OCI.get(mediaType) ?? mediaType;
}

/** Docker's media type for OCI's; any other is returned as it is. */
export function toDockerMediaType(mediaType: string): string {
  return OCI_TO_DOCKER.get(mediaType) ?? mediaType;
}

/** Whose family a manifest, index, config or layer type belongs to; undefined for any other. */
export function mediaTypeFamily(mediaType: string): MediaTypeFamily | undefined {
  if (mediaType.startsWith("application/vnd.oci.image.")) return "oci";
  return mediaType.startsWith("application/vnd.docker.") ? "docker" : undefined;
}
