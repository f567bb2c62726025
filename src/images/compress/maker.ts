/** What decides the bytes of a compressed layer besides its archive: algorithm, level, and the library with its version. */
import { type CompressionChoice, DEFAULT_LEVELS } from "./compression.ts";
import { PINNED_LIBRARY } from "./pinned.ts";

/** The annotation of a manifest whose layers were compressed as somebody chose. */
export const COMPRESSION_ANNOTATION = "dev.varve.compression";

/** The library that compresses, and its version, such as `zlib 1.3.1`; undefined for `none`. */
export function compressorOf({ algorithm }: CompressionChoice): string | undefined {
  if (algorithm === "none") return undefined;
  if (algorithm === "zstd-pinned") return PINNED_LIBRARY;
  const { zlib, zstd } = process.versions;
  return algorithm === "gzip" ? `zlib ${zlib}` : `zstd ${zstd}`;
}

/** The annotation's value, such as `zstd:chunked:3 zstd 1.5.7`. */
export function compressionText(choice: CompressionChoice): string {
  const { algorithm } = choice;
  if (algorithm === "none") return algorithm;
  return `${algorithm}:${choice.level ?? DEFAULT_LEVELS[algorithm]} ${compressorOf(choice)}`;
}

/** What an annotation says; undefined for one that varve didn't write. */
export function parseCompressionText(
  text: string,
): { readonly choice: CompressionChoice; readonly compressor: string | undefined } | undefined {
  if (text === "none") return { choice: { algorithm: "none" }, compressor: undefined };
  const [, algorithm, level, compressor] =
    /^(gzip|zstd(?::chunked|-pinned)?):(\d{1,2}) (\S+ \S+)$/.exec(text) ?? [];
  if (algorithm === undefined) return undefined;
  return {
    choice: { algorithm: algorithm as CompressionChoice["algorithm"], level: Number(level) },
    compressor,
  };
}
