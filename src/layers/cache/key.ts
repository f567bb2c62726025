/** What digests are kept under: hashes of everything that they depend on. */
import { createHash } from "node:crypto";
import type { Digest } from "#oci";

/**
 * The version of the bytes that varve makes of a layer's recipe. Raise it with every change (in `tar`, `fs`, `root` or
 * `draft`) after which the same files, owners and times give another archive, and with every change of what the parts of a
 * key mean.
 */
export const WRITER_FORMAT = 3;

/**
 * The version of the bytes that varve makes of a layer's archive by compressing it. Raise it when blocks are cut at other
 * places or headers are written differently; the compressor's own version is in each key.
 */
export const COMPRESSOR_FORMAT = 2;

/** The version of the notes about base images. Raise it when `plan/base.ts` writes them differently. */
const BASE_FORMAT = 1;

/** In milliseconds: a file that changed so shortly before it was looked at could change again and show the same times. */
export const UNSETTLED = 2000;

declare const checked: unique symbol;

/** The key of a layer: 64 hexadecimal digits that only {@link layerKey} makes. */
export type LayerKey = string & { readonly [checked]: true };

/** Everything that determines a compressed layer's bytes. */
export interface BlobKey {
  readonly diffId: Digest;
  readonly algorithm: "gzip" | "zstd" | "zstd:chunked" | "zstd-pinned";
  /** The compression level; undefined stands for the default and is another key than the default's number. */
  readonly level: number | undefined;
  /** Name and version of the compressor, such as `zlib 1.3.1`. */
  readonly library: string;
}

/**
 * The key of a layer whose bytes depend on `parts` alone: what goes into it, and the options that shape it. Equal values
 * give equal keys, whatever the order of their objects' keys.
 * @param parts what JSON can say: null, booleans, finite numbers, strings, arrays and plain objects; a field that is
 *   undefined counts as left out
 * @throws TypeError for anything else, since a change of what isn't in the key would go unnoticed
 */
export function layerKey(parts: unknown): LayerKey {
  return hash(["layer", WRITER_FORMAT, parts]) as LayerKey;
}

/** Everything that determines the size of a tree in a layer's archive. */
export interface TreeKey {
  /** As the graph has it. */
  readonly narHash: string;
  /** Absolute path in the image. */
  readonly target: string;
  /** Paths below it that are left out. */
  readonly exclude: readonly string[];
}

/** The key of a tree's size. */
export function treeKeyDigits({ narHash, target, exclude }: TreeKey): string {
  return hash(["tree", WRITER_FORMAT, narHash, target, exclude]);
}

/** The key of the notes about a base image, which depend on its layers. */
export function baseKeyDigits(diffIds: readonly Digest[]): string {
  return hash(["base", BASE_FORMAT, diffIds]);
}

/** The key of what was learned of a layer or an image, which depends on these parts. */
export function factsKeyDigits(parts: readonly unknown[]): string {
  return hash(["facts", parts]);
}

/** The key of a compressed layer's digest. */
export function blobKeyDigits({ diffId, algorithm, level, library }: BlobKey): string {
  return hash(["blob", COMPRESSOR_FORMAT, diffId, algorithm, level ?? null, library]);
}

function hash(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

/** JSON without spaces, the keys of every object in the order of their UTF-16 code units. */
function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    // Not `map`, which skips holes.
    return `[${Array.from(value, canonicalJson).join(",")}]`;
  }
  if (isPlainObject(value)) {
    const fields = Object.keys(value)
      .filter((name) => value[name] !== undefined)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
    return `{${fields.join(",")}}`;
  }
  throw new TypeError(
    `a layer's key can't hold ${typeof value === "object" ? "such an object" : typeof value}`,
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
