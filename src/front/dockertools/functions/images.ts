/** dockerTools' functions for images that exist already. */
import { type Operation, type OperationOptions, openImages, operateStream } from "#app";
import { VarveError } from "#errors";
import { flattenImage } from "#flatten";
import { dockerArchive, mergedDockerArchive } from "#formats";
import { newManifest } from "#image";
import { formatReference, parseDigest, parseReference } from "#oci";
import { hashChecked, parseFileHash } from "#util";
/**
 * The bytes of a docker-archive with several images, each with its names; loading it gives all of them.
 * @param images - where they are
 * @throws VarveError `USAGE` for none, or for two of one name; what opening and reading them throws
 */
export function mergeImages(
  images: readonly string[],
  options: OperationOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  return operateStream(options, async function* (operation) {
    if (images.length === 0) throw new VarveError("USAGE", "there are no images to merge; name some");
    await using opened = await openImages(images, operation);
    yield* mergedDockerArchive(opened.images, { signal: operation.signal });
  });
}

/**
 * The bytes of a plain tar archive with an image's root file system, whiteouts applied.
 * @throws VarveError what opening the image throws, and what reading its layers throws; `TOO_LARGE` for more files than fit in memory
 */
export function exportImage(
  { fromImage }: { readonly fromImage: string },
  options: OperationOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  return operateStream(options, async function* ({ machine, read, signal }) {
    await using source = await machine.transports.source(fromImage);
    const { layers } = await source.read(read);
    yield* flattenImage(layers, { signal });
  });
}

/** Which image is pulled, and its name then: the arguments of dockerTools' `pullImage`. */
export interface PullArguments {
  /** Without tag and digest, such as `docker.io/library/alpine`. */
  readonly imageName: string;
  /** Of the manifest or the index. */
  readonly imageDigest: string;
  /** The SHA-256 of all the bytes, as Nix writes it; without it they aren't checked. */
  readonly hash?: string;
  /** The image's name in the archive; by default `imageName`. */
  readonly finalImageName?: string;
  /** `latest` by default. */
  readonly finalImageTag?: string;
  /** `linux` by default. */
  readonly os?: string;
  /** By default this machine's. */
  readonly arch?: string;
}

/**
 * The bytes of a docker-archive with an image from a registry; they follow from the digest and the names.
 * @throws VarveError `USAGE` for a hash in another form, `DIGEST_MISMATCH` at the end for other bytes than the hash's;
 *   `INVALID_REFERENCE`, `INVALID_DIGEST`; what reading from the registry throws
 */
export function pullImage(
  args: PullArguments,
  options: Omit<OperationOptions, "platform"> = {},
): AsyncGenerator<Uint8Array, void, void> {
  return operateStream(options, (operation) => pulled(args, operation));
}

async function* pulled(
  args: PullArguments,
  { machine, signal }: Operation,
): AsyncGenerator<Uint8Array, void, void> {
  const { imageName, imageDigest, hash, finalImageName = imageName, finalImageTag = "latest" } = args;
  const expected = hash === undefined || hash === "" ? undefined : parseFileHash(hash);
  if (hash && expected === undefined) {
    throw new VarveError("USAGE", `${hash} is no SHA-256 as Nix writes it; give one such as sha256-…=`);
  }
  const digest = parseDigest(imageDigest, "imageDigest");
  const { registry, repository } = parseReference(imageName);
  const reference = formatReference({ registry, repository, digest });
  const name = formatReference({ ...parseReference(finalImageName), tag: finalImageTag }, "familiar");
  await using source = await machine.transports.source(`docker://${reference}`);
  const { os = "linux", arch = machine.platform.architecture } = args;
  const image = await source.read({
    platform: { os, architecture: arch },
    strict: args.arch !== undefined,
    signal,
  });
  const { config, layers } = image;
  const manifest =
    image.manifest ??
    newManifest({ config: config.descriptor, layers: layers.map(({ descriptor }) => descriptor) });
  const handed = async function* () {
    for (const layer of layers) yield { layer, stored: () => {} };
  };
  const input = { layers: handed(), finished: async () => ({ config, manifest, names: [name] }) };
  const bytes = dockerArchive(input, { signal });
  yield* expected === undefined ? bytes : hashChecked(bytes, { expected, name: reference });
}
