import { type ImageDraft, type Layer, uncompressedLayer } from "../../image/index.ts";
import { hexOf } from "../../oci/index.ts";
import { EntryType, type TarEntry, type TarInputMember, writeTar } from "../../tar/index.ts";

export interface DockerArchiveOptions {
  /** The names and tags that loading the archive gives the image, once its config is known. */
  readonly names: (configHex: string) => readonly string[];
  /** Called before each layer is written, counted from 1. */
  readonly onLayer?: (layer: Layer, number: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * The bytes of a docker-archive that holds one image: its layers, its config, and `manifest.json` last. Nothing in
 * it depends on when or where it is written.
 */
export function writeDockerArchive(
  draft: ImageDraft,
  options: DockerArchiveOptions,
): AsyncGenerator<Uint8Array, void, void> {
  return writeTar(members(draft, options));
}

async function* members(
  draft: ImageDraft,
  { names, onLayer, signal }: DockerArchiveOptions,
): AsyncGenerator<TarInputMember, void, void> {
  const layers: Pick<Layer, "diffId" | "components">[] = [];
  const written = new Set<string>();
  for await (const layer of draft.layers(signal)) {
    const { diffId, components } = layer;
    layers.push({ diffId, components });
    onLayer?.(layer, layers.length);
    // An image may have the same layer twice; the archive needs it once.
    if (written.has(diffId)) continue;
    written.add(diffId);
    const plain = await uncompressedLayer(layer, `layer ${layers.length}`);
    yield { entry: fileEntry(layerName(diffId), plain.descriptor.size), content: plain.open(signal) };
  }
  const config = draft.config(layers);
  const configHex = hexOf(config.descriptor.digest);
  yield document(`${configHex}.json`, config.bytes);
  const manifest = {
    Config: `${configHex}.json`,
    RepoTags: names(configHex),
    Layers: layers.map((layer) => layerName(layer.diffId)),
  };
  yield document("manifest.json", Buffer.from(JSON.stringify([manifest])));
}

function layerName(diffId: Layer["diffId"]): string {
  return `${hexOf(diffId)}/layer.tar`;
}

function document(name: string, bytes: Uint8Array): TarInputMember {
  return { entry: fileEntry(name, bytes.length), content: [bytes] };
}

function fileEntry(name: string, size: number): TarEntry {
  return { name, type: EntryType.file, mode: 0o644, uid: 0, gid: 0, size, mtime: 0 };
}
