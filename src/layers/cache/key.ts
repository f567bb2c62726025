/** What digests are kept under: hashes of everything that they depend on. */
import { createHash } from "node:crypto";
import type { Digest } from "#oci";

/**
 * The version of the bytes that varve makes of a layer's recipe. It is to be raised with every change after which the
 * same files, owners and times would give another archive (in `tar`, `fs` or `customise`), and with every change of
 * what the parts of a key mean.
 */
export const WRITER_FORMAT = 3;

/**
 * The version of the bytes that varve makes of a layer's archive by compressing it. It is to be raised when blocks are
 * cut at other places, or headers written otherwise; the compressor's own version is in each key.
 */
export const COMPRESSOR_FORMAT = 2;

/** The version of what is kept of base images. It is to be raised when `build/base.ts` writes it otherwise. */
const BASE_FORMAT = 1;

declare const checked: unique symbol;

/** The key of a layer: 64 hexadecimal digits that only {@link layerKey} makes. */
export type LayerKey = string & { readonly [checked]: true };

/** What a compressed layer's bytes follow from. */
export interface BlobKey {
  readonly diffId: Digest;
  readonly algorithm: "gzip" | "zstd";
  /** The compression level; undefined stands for the default and is another key than the default's number. */
  readonly level: number | undefined;
  /** Name and version of the compressor, such as `zlib 1.3.1`. */
  readonly library: string;
}

/**
 * The key of a layer whose bytes follow from `parts` alone: what goes into it, and the options that shape it. Equal
 * values give equal keys, whatever order their objects' keys are in.
 * @param parts what JSON can say: null, booleans, finite numbers, strings, arrays and plain objects; a field that is
 *   undefined counts as left out
 * @throws TypeError for anything else, since what isn't in the key could change unseen
 */
export function layerKey(parts: unknown): LayerKey {
  return hash(["layer", WRITER_FORMAT, parts]) as LayerKey;
}

/** What the size of a tree in a layer's archive follows from. */
export interface TreeKey {
  /** As the graph has it. */
  readonly narHash: string;
  /** Absolute path in the image. */
  readonly target: string;
  /** Paths below it that are left out. */
  readonly exclude: readonly string[];
}

/** The digits that a tree's size is kept under. */
export function treeKeyDigits({ narHash, target, exclude }: TreeKey): string {
  return hash(["tree", WRITER_FORMAT, narHash, target, exclude]);
}

/** The digits that what is known of a base image is kept under: it follows from its layers. */
export function baseKeyDigits(diffIds: readonly Digest[]): string {
  return hash(["base", BASE_FORMAT, diffIds]);
}

/** The digits that a compressed layer's digest is kept under. */
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
    // Not `map`, which would pass over holes.
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
