/** Opens the private keys that cosign writes: a PKCS #8 key in a NaCl secret box, whose key scrypt makes of a passphrase. */
import { scrypt } from "node:crypto";
import { promisify } from "node:util";
import * as z from "zod";
import { VarveError } from "#errors";
import { checkSchema, parseJson } from "#util";

/** The words in the first line of such a key, as they are now and as they were. */
export const SEALED_KEY_LABELS: readonly string[] = [
  "ENCRYPTED SIGSTORE PRIVATE KEY",
  "ENCRYPTED COSIGN PRIVATE KEY",
];

/** The costs that are known to be in use: those of an unknown one could take all memory, or all day. */
const COSTS: readonly number[] = [2 ** 15, 2 ** 16, 2 ** 17];

/** Twice what scrypt needs at most: 128 bytes for each step of `r`. */
const MAX_MEMORY = 2 * 128 * 8 * 2 ** 17;

const BOX_KEY_BYTES = 32;

const base64 = z.base64();

const sealedShape = z.looseObject({
  kdf: z.looseObject({
    name: z.literal("scrypt"),
    params: z.looseObject({ N: z.literal(COSTS), r: z.literal(8), p: z.literal(1) }),
    salt: base64,
  }),
  cipher: z.looseObject({ name: z.literal("nacl/secretbox"), nonce: base64.length(32) }),
  ciphertext: base64,
});

/**
 * The key in a secret box, in DER; undefined if the passphrase isn't the one.
 * @param body what is between the first and the last line
 * @throws VarveError `INVALID_KEY` if it isn't such a box
 */
export async function openSealedKey(
  body: Uint8Array,
  { name, passphrase }: { name: string; passphrase: string },
): Promise<Uint8Array | undefined> {
  const { kdf, cipher, ciphertext } = boxOf(body, name);
  const derive = promisify(scrypt) as (
    ...args: [string, Buffer, number, { N: number; r: number; p: number; maxmem: number }]
  ) => Promise<Buffer>;
  const salt = Buffer.from(kdf.salt, "base64");
  const key = await derive(passphrase, salt, BOX_KEY_BYTES, { ...kdf.params, maxmem: MAX_MEMORY });
  const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
  try {
    return xsalsa20poly1305(key, Buffer.from(cipher.nonce, "base64")).decrypt(
      Buffer.from(ciphertext, "base64"),
    );
  } catch {
    return undefined;
  }
}

function boxOf(body: Uint8Array, name: string): z.infer<typeof sealedShape> {
  try {
    const value = parseJson(body, { what: name, maxBytes: body.length });
    return checkSchema(sealedShape, value, { code: "INVALID_KEY", what: name });
  } catch {
    // What the faulty part is would be quoted from a secret.
    throw new VarveError(
      "INVALID_KEY",
      `${name} isn't a private key as cosign writes them, though its first line says so`,
    );
  }
}
