import { createHash, type Hash } from "node:crypto";
import { VarveError } from "#errors";

declare const checked: unique symbol;

/** The algorithms that the OCI image specification registers: descriptor.md, "Registered Algorithms". */
export type DigestAlgorithm = "sha256" | "sha512";

/**
 * A content digest, an algorithm and lower-case hexadecimal digits: `sha256:` and 64 of them, or `sha512:` and 128 (OCI
 * image specification, descriptor.md, "Digests"). Only {@link parseDigest} and the functions that compute one make it, so
 * it is safe in a path or URL. What varve makes is known by SHA-256; others may know theirs by SHA-512.
 */
export type Digest = `${DigestAlgorithm}:${string}` & { readonly [checked]: true };

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** What a digest must be, for the end of a sentence. */
export const DIGEST_FORM =
  "sha256: and 64 lower-case hexadecimal digits, or sha512: and 128 of them" as const;

/** Whether `text` is a digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && DIGEST.test(text);
}

/**
 * Checks that `text` is a digest.
 * @throws VarveError `INVALID_DIGEST`, naming `where` it was found.
 */
export function parseDigest(text: unknown, where: string): Digest {
  if (isDigest(text)) return text;
  throw new VarveError(
    "INVALID_DIGEST",
    `${where} has the digest ${JSON.stringify(text)?.slice(0, 100)}, which is not ${DIGEST_FORM}`,
  );
}

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` as Digest;
}

/** The algorithm of a digest. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The hexadecimal digits of a digest, without its algorithm. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** Hashes and counts bytes as they pass. */
export class Digester {
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  #size = 0;

  /** @param algorithm that of the digest that the bytes should have; varve's own unless told */
  constructor(algorithm: DigestAlgorithm = "sha256") {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

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
    return `${this.#algorithm}:${this.#hash.digest("hex")}` as Digest;
  }
}
