/** Pins an image of a registry: what is needed to fetch it again, the same, without asking what it is. */
import { VarveError } from "#errors";
import { type Descriptor, type Digest, formatPlatform, formatReference, parseReference } from "#oci";
import { type OperationOptions, operate } from "./machine.ts";

/** A blob that an image is made of. */
export type LockedBlob = Pick<Descriptor, "mediaType" | "digest" | "size">;

/** What `varve lock` writes, in this order. */
export interface ImageLock {
  /** Of this form. */
  readonly lockVersion: 1;
  /** The image as it was asked for, with its registry. */
  readonly reference: string;
  /** What the reference led to: an index, or the manifest itself. */
  readonly digest: Digest;
  /** What the image is for, such as `linux/amd64`. */
  readonly platform: string;
  /** The manifest; `text` is all of it, byte for byte. */
  readonly manifest: LockedBlob & { readonly text: string };
  readonly config: LockedBlob;
  /** From the bottom up. */
  readonly layers: readonly LockedBlob[];
  /** There if it takes http to fetch it from another machine. */
  readonly insecure?: true;
}

/**
 * Pins an image of a registry. None of its layers is fetched.
 * @param text - its reference, with or without `docker://`
 * @throws VarveError `INVALID_REFERENCE`, and what reading the image's documents throws
 */
export async function lock(text: string, options: OperationOptions = {}): Promise<ImageLock> {
  const reference = inRegistry(text);
  return await operate(options, async ({ machine, read }) => {
    await using source = await machine.transports.source(`docker://${reference}`);
    const { manifest, index, config } = await source.read(read);
    if (manifest === undefined) throw new VarveError("INVALID_IMAGE", `${reference} has no manifest`);
    const { os, architecture, variant } = config.value;
    return {
      lockVersion: 1,
      reference,
      digest: (index ?? manifest).descriptor.digest,
      platform: formatPlatform({ os, architecture, ...(variant && { variant }) }),
      manifest: { ...locked(manifest.descriptor), text: textOf(manifest.bytes, reference) },
      config: locked(manifest.value.config),
      layers: manifest.value.layers.map(locked),
    };
  });
}

/**
 * The bytes of a blob that was locked, checked as they pass.
 * @param text - the image's reference; its tag and digest don't matter
 * @throws VarveError `INVALID_REFERENCE`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`, and what reaching the registry throws
 */
export async function lockedBlob<T>(
  text: string,
  blob: Pick<LockedBlob, "digest" | "size">,
  { use, ...options }: OperationOptions & { readonly use: (bytes: AsyncIterable<Uint8Array>) => Promise<T> },
): Promise<T> {
  const { registry, repository } = parseReference(inRegistry(text));
  return await operate(options, async ({ machine, signal }) => {
    const client = await machine.transports.client(registry);
    return await use(client.getBlob({ repository, descriptor: blob, signal }));
  });
}

function inRegistry(text: string): string {
  return formatReference(parseReference(text.replace(/^docker:\/\//, "")));
}

function locked({ mediaType, digest, size }: Descriptor): LockedBlob {
  return { mediaType, digest, size };
}

/** A manifest's text, from which its very bytes are made again. */
function textOf(bytes: Uint8Array, what: string): string {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (Buffer.from(text).equals(bytes)) return text;
  throw new VarveError("INVALID_MANIFEST", `the manifest of ${what} is no text in UTF-8`);
}
