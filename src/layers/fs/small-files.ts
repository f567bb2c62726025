/**
 * The contents of a layer's small files, kept from one time that it is packed to the next: to open a small file takes
 * longer than to read it, and many layers have thousands.
 */
import type { TreeListing } from "./listing.ts";

/** Of larger files, in bytes, each takes the room of many that would gain as much. */
const LARGEST = 8 * 1024;

/** Plain data, so that it can go to another thread. */
export interface SmallFiles {
  /** Held are all files that have content, and no more than this many bytes of it. */
  readonly largest: number;
  /** Their contents in the order of the archive. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Room for the contents of the smallest files in these trees.
 * @param limit the most bytes that it may take
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

  /** The place of the next file's content; undefined for one that isn't small. */
  next(size: number): Uint8Array | undefined {
    if (this.#files === undefined || size > this.#files.largest) return undefined;
    const at = this.#at;
    this.#at += size;
    return this.#files.bytes.subarray(at, this.#at);
  }
}
