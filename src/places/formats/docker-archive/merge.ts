import { VarveError } from "#errors";
import type { Image, Layer } from "#image";
import { type Digest, formatReference, hexOf, parseReference } from "#oci";
import { fileEntry, fileMember, type TarInputMember, writeTar } from "#tar";
import { uncompressedLayer } from "#write";

export interface MergeOptions {
  /** Called when a layer is in the archive; `shared` if it was there already. */
  readonly onLayer?:
    | ((layer: Layer, progress: { image: number; index: number; shared: boolean }) => void)
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a docker-archive of several images, in their order, each with the names it comes with; loading it gives
 * all of them. A layer or config that several images have is in it once. Nothing in it depends on when or where it
 * is written, and for one image it is the same as `dockerArchive` makes.
 * @throws VarveError `USAGE` for two images of one name; and what reading the layers throws
 */
export async function* mergedDockerArchive(
  images: readonly Image[],
  options: MergeOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  checkNames(images);
  yield* writeTar(members(images, options));
}

/**
 * Checks that no two images have the same name, with Docker's defaults filled in: only the last one would keep it.
 * @throws VarveError `USAGE`
 */
export function checkNames(images: readonly Image[]): void {
  const bearers = new Map<string, Digest>();
  for (const { names, config } of images) {
    for (const name of names) {
      const { digest } = config.descriptor;
      const bearer = bearers.get(canonical(name)) ?? digest;
      if (bearer !== digest) {
        throw new VarveError(
          "USAGE",
          `two of the images are called ${name}, ${bearer} and ${digest}; give one of them another name`,
        );
      }
      bearers.set(canonical(name), digest);
    }
  }
}

interface ManifestEntry {
  readonly Config: string;
  readonly RepoTags: string[];
  readonly Layers: readonly string[];
}

async function* members(
  images: readonly Image[],
  { onLayer, signal }: MergeOptions,
): AsyncGenerator<TarInputMember, void, void> {
  const written = new Set<string>();
  const manifest = new Map<string, ManifestEntry>();
  for (const [at, { config, layers, names }] of images.entries()) {
    const layerNames: string[] = [];
    for (const [index, layer] of layers.entries()) {
      const name = `${hexOf(layer.diffId)}/layer.tar`;
      layerNames.push(name);
      const shared = written.has(name);
      if (!shared) {
        const plain = await uncompressedLayer(layer, `layer ${index + 1} of image ${at + 1}`);
        yield { entry: fileEntry(name, plain.descriptor), content: plain.open(signal) };
        written.add(name);
      }
      onLayer?.(layer, { image: at, index, shared });
    }
    const configName = `${hexOf(config.descriptor.digest)}.json`;
    const same = manifest.get(configName);
    if (same === undefined) {
      yield fileMember(configName, config.bytes);
      manifest.set(configName, { Config: configName, RepoTags: [...names], Layers: layerNames });
    } else {
      same.RepoTags.push(...names.filter((name) => !same.RepoTags.includes(name)));
    }
  }
  yield fileMember("manifest.json", Buffer.from(JSON.stringify([...manifest.values()])));
}

function canonical(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch {
    return name;
  }
}
