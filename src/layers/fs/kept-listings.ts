import type { TreeListing } from "./listing.ts";
import type { TreeItem } from "./recipe.ts";

/** How many names are kept at most, which is some 10 MB. */
const MOST_NAMES = 65_536;

/** Listings of trees from the planning of layers, with which they are then packed: to list a project takes longer than to find it unchanged. */
export class KeptListings {
  /** Before anything was listed, by the caller's clock. */
  readonly since: number;
  readonly #listings = new Map<string, TreeListing>();
  #room = MOST_NAMES;

  constructor(since: number) {
    this.since = since;
  }

  /** Keeps the listing of a tree, as far as there is room. */
  keep(item: TreeItem, listing: TreeListing): void {
    if (listing.names.length > this.#room) return;
    this.#room -= listing.names.length;
    this.#listings.set(keyOf(item), listing);
  }

  /** Whether there is a listing of the tree. */
  has(item: TreeItem): boolean {
    return this.#listings.has(keyOf(item));
  }

  /** Gives a listing away, since it grows old. @returns undefined where there is none */
  take(item: TreeItem): TreeListing | undefined {
    const key = keyOf(item);
    const listing = this.#listings.get(key);
    if (listing === undefined) return undefined;
    this.#listings.delete(key);
    this.#room += listing.names.length;
    return listing;
  }
}

const keyOf = ({ source, exclude = [] }: TreeItem): string => [source, ...exclude].join("\0");
