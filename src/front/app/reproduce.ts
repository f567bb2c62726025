/** Says whether building a spec here gives the very same image as one that is there, and if not, what differs. */
import { compareConfigs } from "#compare";
import {
  COMPRESSION_ANNOTATION,
  type CompressionChoice,
  compressionText,
  parseCompressionText,
} from "#compress";
import { VarveError } from "#errors";
import type { Image } from "#image";
import { type Digest, layerCompression, type Manifest, parseImageConfig, parseManifest } from "#oci";
import { type Collected, collectingSink, emptyCollection } from "#serve";
import { collect } from "#util";
import { DEFAULT_COMPRESSION, type WrittenImage } from "#write";
import { type BuildOptions, buildOne } from "./build.ts";
import { operate } from "./machine.ts";
import type { SpecSource } from "./source.ts";

/** So many components of a layer are named. */
const NAMED = 3;

/** As a comparison calls a manifest's annotations. */
const ANNOTATIONS = "annotations";

/** What was found. */
export interface Reproduction {
  readonly image: string;
  /** Whether it is the same image: the same manifest, to the byte. */
  readonly same: boolean;
  /** Of the manifest there, and of the one that this machine makes. */
  readonly digests: { readonly there: Digest; readonly here: Digest };
  /** How layers were compressed there, as far as the image says, and how they are here, such as `gzip:6 zlib 1.3.1`. */
  readonly compression: { readonly there: string | undefined; readonly here: string };
  /** Layers that have the same files, and are compressed to other bytes; counted from 0 at the bottom. */
  readonly recompressed: readonly number[];
  /** What else differs, from the bottom layer up. */
  readonly differences: readonly Difference[];
}

/**
 * A part of an image that differs.
 *
 * - `files`: what is in a layer.
 * - `layers`: how many there are. `config`: fields of the config. `annotations`: of the manifest.
 */
export interface Difference {
  readonly kind: "files" | "layers" | "config" | "annotations";
  /** Which layer, counted from 0 at the bottom. */
  readonly layer?: number;
  /** Some of what is in that layer, or the names of the fields or annotations that differ. */
  readonly names: readonly string[];
}

export interface ReproduceOptions extends Omit<BuildOptions, "to" | "cacheFrom" | "cacheTo" | "onProgress"> {}

/**
 * Makes the image that a spec asks for, keeps nothing of it, and compares it with one that is somewhere. Layers are compressed as that one
 * says it was, unless the options say how.
 * @param image - the place of the image that is there
 * @throws VarveError `USAGE` for an image without a manifest; what building and reading images throws
 */
export async function reproduce(
  source: SpecSource,
  image: string,
  options: ReproduceOptions,
): Promise<Reproduction> {
  return await operate(options, async (operation) => {
    const { machine, read } = operation;
    const { transports, temporary, maxSpool } = machine;
    await using place = await transports.source(image);
    const original = await place.read(read);
    const { manifest } = original;
    if (manifest === undefined) {
      throw new VarveError(
        "USAGE",
        `${image} has no manifest that could be made again; name it where it was pushed, or in an OCI layout`,
      );
    }
    const said = manifest.value.annotations?.[COMPRESSION_ANNOTATION];
    const compression = options.compression ?? compressionOf(manifest.value, said);
    const collected = emptyCollection();
    const { written } = await buildOne(source, {
      sinks: [collectingSink("the image", collected, { temporary, maxSpool })],
      ...{ outputs: [], operation, trial: { saidCompression: said } },
      options: { ...options, compression },
    });
    const made = await madeImage(written[0]!, collected);
    const digests = { there: manifest.descriptor.digest, here: made.manifest.descriptor.digest };
    return {
      ...{ image, same: digests.there === digests.here, digests },
      compression: { there: said, here: compressionText(compression ?? DEFAULT_COMPRESSION) },
      ...differences({ ...original, manifest }, made),
    };
  });
}

/** How layers were compressed, as a manifest says, or shows by not being compressed; undefined for as it is without a choice. */
function compressionOf({ layers }: Manifest, said: string | undefined): CompressionChoice | undefined {
  if (said !== undefined) return parseCompressionText(said)?.choice;
  const top = layers.at(-1);
  return top !== undefined && layerCompression(top.mediaType) === "none" ? { algorithm: "none" } : undefined;
}

/** What is needed of an image to say what differs. */
interface Documents extends Pick<Image, "config"> {
  readonly manifest: NonNullable<Image["manifest"]>;
}

/** The same of an image that was made here, and what is in its layers. */
interface Made extends Documents {
  readonly components: readonly (readonly string[])[];
}

async function madeImage(
  { descriptor, config, layers }: WrittenImage,
  { manifests, blobs }: Collected,
): Promise<Made> {
  const { bytes } = manifests.get(descriptor.digest)!;
  const blob = blobs.get(config.digest)!;
  const text = await collect(blob.open(0, config.size), config.size, () => new Error("the config has grown"));
  return {
    manifest: parseManifest(bytes, { what: "the image", ...descriptor }),
    config: parseImageConfig(text, { what: "the config", ...config }),
    components: layers.map(({ components }) => components),
  };
}

function differences(there: Documents, here: Made): Pick<Reproduction, "recompressed" | "differences"> {
  const [before, now] = [there.manifest.value.layers, here.manifest.value.layers];
  const [diffIds, made] = [there.config.value.rootfs.diff_ids, here.config.value.rootfs.diff_ids];
  const found: Difference[] = [];
  const recompressed: number[] = [];
  for (const [layer, { digest }] of before.entries()) {
    const other = now[layer];
    if (other === undefined || other.digest === digest) continue;
    if (diffIds[layer] === made[layer]) recompressed.push(layer);
    else found.push({ kind: "files", layer, names: here.components[layer]!.slice(0, NAMED) });
  }
  if (before.length !== now.length)
    found.push({ kind: "layers", names: [`${before.length}`, `${now.length}`] });
  const changes = compareConfigs(there, here);
  const fields = changes.map(({ field }) => field).filter((field) => field !== ANNOTATIONS);
  if (fields.length > 0) found.push({ kind: "config", names: fields });
  const annotations = changes.find(({ field }) => field === ANNOTATIONS);
  if (annotations !== undefined) found.push({ kind: "annotations", names: annotations.keys ?? [] });
  // What only says how the image is made up.
  if (
    found.length + recompressed.length === 0 &&
    there.manifest.descriptor.digest !== here.manifest.descriptor.digest
  ) {
    const isConfig = there.config.descriptor.digest !== here.config.descriptor.digest;
    found.push(isConfig ? { kind: "config", names: ["history"] } : { kind: "annotations", names: [] });
  }
  return { recompressed, differences: found };
}
