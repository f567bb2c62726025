/** Public keys, which signatures are verified with. */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { VarveError } from "#errors";
import { algorithmOfKey, isSignedBy, type KeyAlgorithm } from "./algorithm.ts";

/** A public key. */
export interface PublicKey {
  /** What it is called in sentences, such as its file. */
  readonly name: string;
  /** The kind of key, such as `ECDSA P-256`. */
  readonly kind: string;
  /** What a bundle names the key by: the SHA-256 of its SPKI in DER, in base64, as cosign has it. */
  readonly hint: string;
  /** In PEM. */
  readonly pem: string;
  /** Whether a signature of data is by this key. */
  verifies(signed: { readonly data: Uint8Array; readonly signature: Uint8Array }): boolean;
}

/** The longest key file that is read, in bytes. */
export const MAX_KEY_BYTES = 64 * 1024;

/**
 * Reads a public key in PEM.
 * @param name what it is called in sentences
 * @throws VarveError `INVALID_KEY`
 */
export function readPublicKey(bytes: Uint8Array, name: string): PublicKey {
  const text = Buffer.from(bytes).toString("latin1");
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw new VarveError(
      "INVALID_KEY",
      `${name} is a private key; verify with the public one, which \`openssl pkey -in KEY -pubout\` or \`cosign public-key --key KEY\` writes`,
    );
  }
  if (!/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(text)) {
    throw new VarveError(
      "INVALID_KEY",
      `${name} isn't a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----`,
    );
  }
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch {
    throw new VarveError(
      "INVALID_KEY",
      `${name} isn't a public key that can be read, though its first line says so`,
    );
  }
  return publicKeyOf(key, name);
}

/** @throws VarveError `INVALID_KEY` for a kind of key that signatures aren't made with */
export function publicKeyOf(
  key: KeyObject,
  name: string,
  algorithm: KeyAlgorithm = algorithmOfKey(key, name),
): PublicKey {
  const der = key.export({ format: "der", type: "spki" });
  return {
    name,
    kind: algorithm.name,
    hint: createHash("sha256").update(der).digest("base64"),
    pem: key.export({ format: "pem", type: "spki" }).toString(),
    verifies: (signed) => isSignedBy(key, algorithm, signed),
  };
}
