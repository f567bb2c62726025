/** Hashes of whole files, as Nix writes them. */
import { createHash } from "node:crypto";
import { VarveError } from "#errors";

const NIX32 = "0123456789abcdfghijklmnpqrsvwxyz";
const BYTES = 32;

/**
 * Reads a SHA-256 as Nix writes it: `sha256-` and base 64 (SRI), or hexadecimal digits or Nix's base 32, with or without
 * `sha256:` in front.
 * @returns the hash in its SRI form; undefined for any other text
 */
export function parseFileHash(text: string): string | undefined {
  const bytes = decode(text);
  return bytes?.length === BYTES ? sri(bytes) : undefined;
}

function decode(text: string): Buffer | undefined {
  const base64 = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(text)?.[1];
  if (base64 !== undefined) return Buffer.from(base64, "base64");
  const digits = /^(?:sha256:)?([0-9a-z]+)$/.exec(text)?.[1] ?? "";
  if (/^[0-9a-f]{64}$/.test(digits)) return Buffer.from(digits, "hex");
  return digits.length === 52 ? decodeNix32(digits) : undefined;
}

/** The number that the digits stand for, as bytes with the lowest first; Nix writes the digits from the end. */
function decodeNix32(digits: string): Buffer | undefined {
  let value = 0n;
  for (const digit of digits) {
    const at = NIX32.indexOf(digit);
    if (at === -1) return undefined;
    value = (value << 5n) | BigInt(at);
  }
  if (value >> BigInt(8 * BYTES) !== 0n) return undefined;
  const hex = value.toString(16).padStart(2 * BYTES, "0");
  return Buffer.from(hex, "hex").reverse();
}

function sri(bytes: Uint8Array): string {
  return `sha256-${Buffer.from(bytes).toString("base64")}`;
}

/**
 * Passes a file's bytes on, and fails at their end if they don't have the hash. So a file that is written whole or not at all
 * won't exist then.
 * @param expected in its SRI form
 * @throws VarveError `DIGEST_MISMATCH`, with both hashes
 */
export async function* hashChecked(
  chunks: AsyncIterable<Uint8Array>,
  { expected, name }: { expected: string; name: string },
): AsyncGenerator<Uint8Array, void, void> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = sri(hash.digest());
  if (actual !== expected) {
    throw new VarveError(
      "DIGEST_MISMATCH",
      `${name} should have the hash ${expected}, but would have ${actual}, so it was not written`,
    );
  }
}
