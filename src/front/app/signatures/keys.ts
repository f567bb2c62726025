/** Keys as users name them: a file, or a variable of the environment. */
import { MAX_KEY_BYTES, type PublicKey, readPrivateKey, readPublicKey, type SigningKey } from "#attest";
import { VarveError } from "#errors";
import { readWhole } from "#util";
import type { Operation } from "../machine.ts";

/** Asks for the passphrase of a key; undefined if there is nobody to ask. */
export type AskPassphrase = (name: string) => Promise<string | undefined>;

/** Variables that may have a key's passphrase, the first one first; an empty one is a passphrase, too. */
const PASSPHRASES = ["VARVE_KEY_PASSWORD", "COSIGN_PASSWORD"] as const;

const FROM_ENVIRONMENT = "env://";

/**
 * Opens a private key.
 * @param key a file's path, or `env://NAME`
 * @throws VarveError `INVALID_KEY`, `NOT_FOUND`, `UNREADABLE`, `TOO_LARGE`, `USAGE`
 */
export async function openSigningKey(
  key: string,
  { operation, ask }: { operation: Operation; ask?: AskPassphrase | undefined },
): Promise<SigningKey> {
  const { environment = {} } = operation.machine;
  const known = PASSPHRASES.map((name) => environment[name]).find((value) => value !== undefined);
  return await readPrivateKey(await keyBytes(key, operation), {
    name: key,
    passphrase: async (name) => known ?? (await ask?.(name)),
  });
}

/**
 * Opens a public key.
 * @param key a file's path, or `env://NAME`
 * @throws VarveError as {@link openSigningKey}
 */
export async function openPublicKey(key: string, operation: Operation): Promise<PublicKey> {
  return readPublicKey(await keyBytes(key, operation), key);
}

async function keyBytes(key: string, { machine, signal }: Operation): Promise<Uint8Array> {
  if (key.startsWith(FROM_ENVIRONMENT)) {
    const name = key.slice(FROM_ENVIRONMENT.length);
    const value = machine.environment?.[name];
    if (value !== undefined && value !== "") return Buffer.from(value);
    throw new VarveError("NOT_FOUND", `the environment has no variable ${name}, which ${key} names`);
  }
  if (/^[a-z0-9+.-]+:\/\//i.test(key)) {
    throw new VarveError(
      "USAGE",
      `varve reads keys from files and from env://NAME, and not from ${key}; let that service's own tool write the signature`,
    );
  }
  return await readWhole(key, { limit: MAX_KEY_BYTES, signal });
}
