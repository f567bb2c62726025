/**
 * Keeps the contents of a layer's small files between the first time that it is packed and the second. Opening a small file
 * takes longer than reading it, and many layers have thousands of them.
 */
import type { TreeListing } from "./listing.ts";

/** In bytes. Larger files aren't kept: in the room of one, many small ones fit, and each of them saves as much time. */
const LARGEST = 8 * 1024;

/** Plain data, so that it can go to another thread. */
export interface SmallFiles {
  /** The size in bytes up to which files are kept: of these, every one that isn't empty. */
  readonly largest: number;
  /** The files' contents in the order of the archive. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Allocates memory for the contents of the smallest files in these trees.
 * @param limit how many bytes it may take at most
 */
export function roomForSmallFiles(listings: readonly TreeListing[], limit: number): SmallFiles {
  const counts = new Uint32Array(LARGEST + 1);
  for (const { sizes } of listings) {
    for (const size of sizes) if (size <= LARGEST) counts[size]!++;
  }
  let largest = 0;
  let room = 0;
  for (const [size, count] of counts.entries()) {
    if (room + size * count > limit) break;
    room += size * count;
    largest = size;
  }
  return { largest, bytes: new Uint8Array(room) };
}

/** Goes through small files in the order of the archive. */
export class SmallFilesCursor {
  readonly #files: SmallFiles | undefined;
  #at = 0;

  constructor(files: SmallFiles | undefined) {
    this.#files = files;
  }

  /** The memory of the next file's content; undefined for a file that isn't kept. */
  next(size: number): Uint8Array | undefined {
    if (this.#files === undefined || size > this.#files.largest) return undefined;
    const at = this.#at;
    this.#at += size;
    return this.#files.bytes.subarray(at, this.#at);
  }
}
