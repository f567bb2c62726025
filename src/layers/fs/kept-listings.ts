import type { TreeListing } from "./listing.ts";
import type { TreeItem } from "./recipe.ts";

/** How many names are kept at most, which is some 10 MB. */
const MOST_NAMES = 65_536;

/** How many names are kept at most for several images, which have most of them in common: some 100 MB. */
const MOST_LASTING_NAMES = 655_360;

/** Listings of trees from the planning of layers, with which they are then packed: to list a project takes longer than to find it unchanged. */
export class KeptListings {
  /** Before anything was listed, by the caller's clock. */
  readonly since: number;
  readonly #listings = new Map<string, TreeListing>();
  readonly #isLasting: boolean;
  #room: number;

  /** @param isLasting whether listings stay when they are taken, for several images that are made of the same trees */
  constructor(since: number, { isLasting = false }: { readonly isLasting?: boolean } = {}) {
    this.since = since;
    this.#isLasting = isLasting;
    this.#room = isLasting ? MOST_LASTING_NAMES : MOST_NAMES;
  }

  /** Keeps the listing of a tree, as far as there is room. */
  keep(item: TreeItem, listing: TreeListing): void {
    if (listing.names.length > this.#room) return;
    this.#room -= listing.names.length;
    this.#listings.set(keyOf(item), listing);
  }

  /** As {@link keep}, of a tree that was listed to be packed: of use only to another image. */
  keepLasting(item: TreeItem, listing: TreeListing): void {
    if (this.#isLasting) this.keep(item, listing);
  }

  /** Whether there is a listing of the tree. */
  has(item: TreeItem): boolean {
    return this.#listings.has(keyOf(item));
  }

  /** The listing of a tree that stays here; undefined where there is none. */
  get(item: TreeItem): TreeListing | undefined {
    return this.#listings.get(keyOf(item));
  }

  /** Gives a listing away, since it grows old. @returns undefined where there is none */
  take(item: TreeItem): TreeListing | undefined {
    const key = keyOf(item);
    const listing = this.#listings.get(key);
    if (listing === undefined || this.#isLasting) return listing;
    this.#listings.delete(key);
    this.#room += listing.names.length;
    return listing;
  }
}

const keyOf = ({ source, exclude = [] }: TreeItem): string => [source, ...exclude].join("\0");
