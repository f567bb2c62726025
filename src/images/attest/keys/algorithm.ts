/** The kinds of keys that sign, and how each does. */
import { type KeyObject, sign, verify } from "node:crypto";
import { VarveError } from "#errors";

/** The least bits of an RSA key. */
const LEAST_RSA_BITS = 2048;

/** The most bits of one: a larger one only takes time. */
const MOST_RSA_BITS = 16_384;

/** Of each curve its name, and the hash that belongs to it. */
const CURVES: Partial<Record<string, { readonly name: string; readonly hash: string }>> = {
  prime256v1: { name: "P-256", hash: "sha256" },
  secp384r1: { name: "P-384", hash: "sha384" },
  secp521r1: { name: "P-521", hash: "sha512" },
};

const WANTED = "use ECDSA on P-256, P-384 or P-521, RSA of at least 2048 bits, or Ed25519";

/** How a key signs. */
export interface KeyAlgorithm {
  /** Such as `ECDSA P-256`. */
  readonly name: string;
  /** What the data is hashed with; undefined where the algorithm does that itself. */
  readonly hash: string | undefined;
  /** Hashes that others have signed with, with the same kind of key. */
  readonly alsoVerified: readonly string[];
}

/**
 * How a key signs, as cosign does with keys of its kind.
 * @throws VarveError `INVALID_KEY` for a kind of key that signatures aren't made with
 */
export function algorithmOfKey(
  { asymmetricKeyType, asymmetricKeyDetails }: KeyObject,
  what: string,
): KeyAlgorithm {
  if (asymmetricKeyType === "ed25519") return { name: "Ed25519", hash: undefined, alsoVerified: [] };
  if (asymmetricKeyType === "rsa") {
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits >= LEAST_RSA_BITS && bits <= MOST_RSA_BITS)
      return { name: `RSA ${bits}`, hash: "sha256", alsoVerified: [] };
    throw new VarveError(
      "INVALID_KEY",
      `${what} is an RSA key of ${bits} bits, which varve doesn't sign with; ${WANTED}`,
    );
  }
  if (asymmetricKeyType === "ec") {
    const named = asymmetricKeyDetails?.namedCurve ?? "an unnamed curve";
    const curve = CURVES[named];
    // Until version 3, cosign signed with SHA-256 whatever the curve.
    if (curve !== undefined)
      return {
        ...{ name: `ECDSA ${curve.name}`, hash: curve.hash },
        alsoVerified: curve.hash === "sha256" ? [] : ["sha256"],
      };
    throw new VarveError(
      "INVALID_KEY",
      `${what} is an ECDSA key on ${named}, which varve doesn't sign with; ${WANTED}`,
    );
  }
  throw new VarveError(
    "INVALID_KEY",
    `${what} is a key for ${asymmetricKeyType ?? "a cipher"}, which varve doesn't sign with; ${WANTED}`,
  );
}

/** Signs data: ECDSA's signatures are in DER, RSA's padded as PKCS #1 has it. */
export function signWith(key: KeyObject, { hash }: KeyAlgorithm, data: Uint8Array): Buffer {
  return sign(hash, data, key);
}

/** Whether a signature of data is by this key. */
export function isSignedBy(
  key: KeyObject,
  algorithm: KeyAlgorithm,
  { data, signature }: { data: Uint8Array; signature: Uint8Array },
): boolean {
  return [algorithm.hash, ...algorithm.alsoVerified].some((hash) => {
    try {
      return verify(hash, data, key, signature);
    } catch {
      // OpenSSL has found that it isn't a signature at all.
      return false;
    }
  });
}
