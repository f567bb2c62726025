import type { Descriptor } from "./descriptor.ts";
import { type DigestAlgorithm, Digester } from "./digest.ts";

/** Passes bytes on, and has them hashed as they pass. */
export async function* hashed(
  chunks: AsyncIterable<Uint8Array>,
  digester: Digester,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) {
    digester.update(chunk);
    yield chunk;
  }
}

/**
 * Reads bytes to their end, for their digest and their number.
 * @param algorithm of the digest; varve's own unless told
 */
export async function identify(
  chunks: AsyncIterable<Uint8Array>,
  algorithm?: DigestAlgorithm,
): Promise<Pick<Descriptor, "digest" | "size">> {
  const digester = new Digester(algorithm);
  for await (const chunk of chunks) digester.update(chunk);
  return { size: digester.size, digest: digester.digest() };
}
