import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { VarveError } from "../errors.ts";

export type Compression = "none" | "gzip" | "zstd";

/**
 * Tells a compression by its first bytes.
 * @param what names the bytes in errors
 * @throws VarveError `UNSUPPORTED_COMPRESSION` for bzip2 and xz, which no image needs
 */
export function compressionOf(start: Uint8Array, what: string): Compression {
  const begins = (...magic: number[]) => magic.every((byte, at) => start[at] === byte);
  if (begins(0x1f, 0x8b)) return "gzip";
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
  const other = begins(0x42, 0x5a, 0x68) ? "bzip2" : begins(0xfd, 0x37, 0x7a, 0x58, 0x5a) ? "xz" : undefined;
  if (other === undefined) return "none";
  throw new VarveError(
    "UNSUPPORTED_COMPRESSION",
    `${what} is compressed with ${other}, which varve doesn't read; decompress it, or use gzip or zstd`,
  );
}

export function createDecompressor(compression: "gzip" | "zstd"): Transform {
  const options = { chunkSize: 256 * 1024 };
  return compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
}
