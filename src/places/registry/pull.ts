import { VarveError } from "#errors";
import type { Image, ImageSource, ReadOptions } from "#image";
import {
  checkIsImage,
  choosePlatform,
  formatReference,
  type ImageIndex,
  MAX_CONFIG_BYTES,
  type Manifest,
  type RawDocument,
  type Reference,
} from "#oci";
import { collect } from "#util";
import { assembleImage, checkPlatform } from "#write";
import type { RegistryClient } from "./client.ts";

/** How deeply indexes may be nested; nobody goes deeper. */
const MAX_INDEX_DEPTH = 4;

/** Which image of a registry is read. */
export interface RegistrySourceOptions {
  readonly client: RegistryClient;
  readonly reference: Reference;
}

/** Reads an image from a registry: OCI distribution specification, "Pull". */
export function registrySource({ client, reference }: RegistrySourceOptions): ImageSource {
  const name = formatReference(reference, "familiar");
  const assemble = async ({
    manifest,
    index,
    signal,
  }: {
    manifest: RawDocument<Manifest>;
    index?: RawDocument<ImageIndex> | undefined;
    signal: AbortSignal | undefined;
  }): Promise<Image> => {
    checkIsImage(manifest.value, name);
    const { registry, repository } = reference;
    const { config, layers } = manifest.value;
    for (const layer of layers) client.read.note(repository, layer);
    return assembleImage({
      manifest,
      index,
      config: await collect(
        client.getBlob({ repository, descriptor: config, signal }),
        MAX_CONFIG_BYTES,
        () => new VarveError("TOO_LARGE", `the config of ${name} has more than ${MAX_CONFIG_BYTES} bytes`),
      ),
      blob: (descriptor) => ({
        open: (signal) => client.getBlob({ repository, descriptor, signal }),
      }),
      names: [name],
      what: name,
      origin: { registry, repository },
    });
  };
  return {
    name,
    async read(options) {
      const { manifest, index } = await findManifest(client, { reference, options });
      const image = await assemble({ manifest, index, signal: options.signal });
      if (options.strict && index === undefined)
        checkPlatform(image, { platform: options.platform, what: name });
      return image;
    },
    async readEntry({ digest }, signal) {
      const { registry, repository } = reference;
      const found = await client.getManifest({ reference: { registry, repository, digest }, signal });
      if (found.kind === "manifest") return await assemble({ manifest: found.document, signal });
      throw new VarveError(
        "INVALID_MANIFEST",
        `${digest} of ${name} is an index where one manifest is wanted`,
      );
    },
    async [Symbol.asyncDispose]() {},
  };
}

interface Search {
  readonly reference: Reference;
  readonly options: ReadOptions;
}

/** Follows indexes to the manifest for the platform; `index` is the first of them, if there was one. */
export async function findManifest(
  client: RegistryClient,
  { reference, options: { platform, signal } }: Search,
): Promise<{ manifest: RawDocument<Manifest>; index: RawDocument<ImageIndex> | undefined }> {
  const what = formatReference(reference, "familiar");
  const { registry, repository } = reference;
  let current = await client.getManifest({ reference, signal });
  const index = current.kind === "index" ? current.document : undefined;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
    if (current.kind === "manifest") return { manifest: current.document, index };
    const { digest } = choosePlatform(current.document.value.manifests, { platform, what });
    current = await client.getManifest({ reference: { registry, repository, digest }, signal });
  }
  throw new VarveError(
    "INVALID_MANIFEST",
    `${what} has indexes in indexes, more than ${MAX_INDEX_DEPTH} deep`,
  );
}
