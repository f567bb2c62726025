import { createHash } from "node:crypto";
import { VarveError } from "../errors.ts";

declare const checked: unique symbol;

/**
 * A content digest, `sha256:` and 64 lower-case hexadecimal digits (OCI image specification, descriptor.md,
 * "Digests"). Only {@link parseDigest} and the functions that compute one make it, so it is safe in a path or URL.
 */
export type Digest = `sha256:${string}` & { readonly [checked]: true };

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Checks that `text` is a digest.
 * @throws VarveError `INVALID_DIGEST`, naming `where` it was found.
 */
export function parseDigest(text: unknown, where: string): Digest {
  if (typeof text === "string" && DIGEST.test(text)) return text as Digest;
  throw new VarveError(
    "INVALID_DIGEST",
    `${where} has the digest ${JSON.stringify(text)?.slice(0, 100)}, which is not sha256: and 64 lower-case hexadecimal digits`,
  );
}

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

/** The 64 hexadecimal digits of a digest, without its algorithm. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** Hashes and counts bytes as they pass. */
export class Digester {
  readonly #hash = createHash("sha256");
  #size = 0;

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  /** Bytes seen so far. */
  get size(): number {
    return this.#size;
  }

  /** The digest of everything seen; nothing can be added afterwards. */
  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}` as Digest;
  }
}
