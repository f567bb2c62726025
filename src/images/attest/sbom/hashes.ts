/** Hashes as lock files and Nix write them. */
import type { ComponentHash, HashAlgorithm } from "./model.ts";

const ALGORITHMS: Readonly<Record<string, readonly [HashAlgorithm, bytes: number]>> = {
  md5: ["MD5", 16],
  sha1: ["SHA-1", 20],
  sha256: ["SHA-256", 32],
  sha384: ["SHA-384", 48],
  sha512: ["SHA-512", 64],
};

/** The hashes of a text like `sha512-BASE64 sha1-BASE64` (Subresource Integrity); what isn't one is passed over. */
export function integrityHashes(integrity: string): ComponentHash[] {
  const found = integrity.split(/\s+/).flatMap((each) => {
    const [, name = "", base64 = ""] = /^([a-z0-9]+)-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/.exec(each) ?? [];
    return hashOf(name, Buffer.from(base64, "base64"));
  });
  return [...new Map(found.map((hash) => [hash.algorithm, hash])).values()];
}

/** A NAR's hash in any form in which Nix writes one: `sha256-BASE64`, `sha256:BASE32`, `sha256:BASE16`. */
export function narHashes(narHash: string): ComponentHash[] {
  const [, name = "", digits = ""] = /^([a-z0-9]+):(\w+)$/.exec(narHash) ?? [];
  if (name === "") return integrityHashes(narHash);
  const [, bytes = 0] = ALGORITHMS[name] ?? [];
  if (/^[0-9a-f]+$/.test(digits) && digits.length === 2 * bytes)
    return hashOf(name, Buffer.from(digits, "hex"));
  return hashOf(name, fromNixBase32(digits, bytes));
}

function hashOf(name: string, bytes: Buffer): ComponentHash[] {
  const [algorithm, length] = ALGORITHMS[name] ?? [];
  return algorithm === undefined || bytes.length !== length
    ? []
    : [{ algorithm, hex: bytes.toString("hex") }];
}

const NIX_DIGITS = "0123456789abcdfghijklmnpqrsvwxyz";

/** Nix writes the last five bits first. Empty for what isn't such a number. */
function fromNixBase32(text: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (text.length !== Math.ceil((length * 8) / 5)) return Buffer.alloc(0);
  for (const [at, digit] of [...text].reverse().entries()) {
    const value = NIX_DIGITS.indexOf(digit);
    if (value < 0) return Buffer.alloc(0);
    const [byte, shift] = [Math.floor((at * 5) / 8), (at * 5) % 8];
    bytes[byte]! |= (value << shift) & 0xff;
    const carry = value >> (8 - shift);
    if (byte + 1 < length) bytes[byte + 1]! |= carry;
    else if (carry !== 0) return Buffer.alloc(0);
  }
  return bytes;
}
