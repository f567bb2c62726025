/** Private keys, which are signed with. Nothing of a key or its passphrase is in any sentence. */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { VarveError } from "#errors";
import { algorithmOfKey, signWith } from "./algorithm.ts";
import { type PublicKey, publicKeyOf } from "./public-key.ts";
import { openSealedKey, SEALED_KEY_LABELS } from "./sealed-key.ts";

/** A key that signs. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  sign(data: Uint8Array): Uint8Array;
}

/** How a private key is read. */
export interface PrivateKeyOptions {
  /** What it is called in sentences, such as its file. */
  readonly name: string;
  /** Asked only for a key that is encrypted; undefined if there is none. */
  readonly passphrase: (name: string) => string | undefined | Promise<string | undefined>;
}

/** One block of PEM: its label, and all up to its last line. */
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*(?:-(?!----END)[^-]*)*)-----END \1-----/g;

/**
 * Reads a private key in PEM: PKCS #8, plain or encrypted, PKCS #1, SEC 1, or as cosign writes it.
 * @throws VarveError `INVALID_KEY`; what asking for a passphrase throws
 */
export async function readPrivateKey(bytes: Uint8Array, options: PrivateKeyOptions): Promise<SigningKey> {
  const { name } = options;
  const text = Buffer.from(bytes).toString("latin1");
  const blocks = [...text.matchAll(BLOCK)];
  const block = blocks.find(([, label = ""]) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) {
    const [, label] = blocks[0] ?? [];
    const found =
      label === "PUBLIC KEY" ? "is a public key; sign with the private one" : "isn't a private key in PEM";
    throw new VarveError("INVALID_KEY", `${name} ${found}`);
  }
  const [pem, label = "", body = ""] = block;
  const key = SEALED_KEY_LABELS.includes(label) ? await unseal(body, options) : await decode(pem, options);
  const algorithm = algorithmOfKey(key, name);
  return {
    publicKey: publicKeyOf(createPublicKey(key), name, algorithm),
    sign: (data) => signWith(key, algorithm, data),
  };
}

async function unseal(body: string, options: PrivateKeyOptions): Promise<KeyObject> {
  const { name } = options;
  const passphrase = await passphraseFor(options);
  const der = await openSealedKey(Buffer.from(body, "base64"), { name, passphrase });
  if (der === undefined) throw wrongPassphrase(name);
  try {
    return createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  } catch {
    throw unreadable(name);
  }
}

async function decode(pem: string, options: PrivateKeyOptions): Promise<KeyObject> {
  const { name } = options;
  const isEncrypted = pem.includes("ENCRYPTED");
  const passphrase = isEncrypted ? await passphraseFor(options) : undefined;
  try {
    return createPrivateKey({ key: pem, format: "pem", ...(passphrase !== undefined && { passphrase }) });
  } catch {
    // What OpenSSL says of a wrong passphrase depends on what it decrypts to.
    throw isEncrypted ? wrongPassphrase(name) : unreadable(name);
  }
}

async function passphraseFor({ name, passphrase }: PrivateKeyOptions): Promise<string> {
  const found = await passphrase(name);
  if (found !== undefined) return found;
  throw new VarveError(
    "INVALID_KEY",
    `${name} is encrypted, and there is no passphrase for it: set COSIGN_PASSWORD or VARVE_KEY_PASSWORD, or sign at a terminal`,
  );
}

function wrongPassphrase(name: string): VarveError {
  return new VarveError("INVALID_KEY", `the passphrase doesn't open ${name}`);
}

function unreadable(name: string): VarveError {
  return new VarveError(
    "INVALID_KEY",
    `${name} isn't a private key that can be read, though its first line says so`,
  );
}
