import type { ListedAhead } from "./ahead.ts";
import { type ListedTree, type TreeListing, treeKey } from "./listing.ts";
import type { TreeItem } from "./recipe.ts";

/** How many names are kept at most, which is some 10 MB. */
const MOST_NAMES = 262_144;

/** How many names are kept at most for several images, which have most of them in common: some 100 MB. */
const MOST_LASTING_NAMES = 2_621_440;

interface KeptListingsOptions {
  /** Whether listings stay when they are taken, for several images that are made of the same trees. */
  readonly isLasting?: boolean;
  readonly ahead?: ListedAhead | undefined;
}

/** Listings of trees from the planning of layers, with which they are then packed: to list a project takes longer than to find it unchanged. */
export class KeptListings {
  /** Before anything was listed, by the caller's clock. */
  readonly since: number;
  /** A thread that lists some trees meanwhile, with their identity. */
  readonly ahead: ListedAhead | undefined;
  readonly #listings = new Map<string, TreeListing>();
  readonly #isLasting: boolean;
  #room: number;
  #kept: ListedTree[] = [];
  #names = 0;

  constructor(since: number, { isLasting = false, ahead }: KeptListingsOptions = {}) {
    this.since = since;
    this.ahead = ahead;
    this.#isLasting = isLasting;
    this.#room = isLasting ? MOST_LASTING_NAMES : MOST_NAMES;
  }

  /** Keeps the listing of a tree, as far as there is room. */
  keep(item: TreeItem, listing: TreeListing): void {
    if (listing.modes.length > this.#room) return;
    this.#room -= listing.modes.length;
    this.#names += listing.modes.length;
    const { source, exclude } = item;
    this.#kept.push({ source, exclude });
    this.#listings.set(treeKey(item), listing);
  }

  /** As {@link keep}, of a tree that was listed to be packed: of use only to another image. */
  keepLasting(item: TreeItem, listing: TreeListing): void {
    if (this.#isLasting) this.keep(item, listing);
  }

  /** All trees whose listings were ever kept, and how many names are in them. */
  get kept(): { readonly trees: readonly ListedTree[]; readonly names: number } {
    return { trees: this.#kept, names: this.#names };
  }

  /** Whether there is a listing of the tree. */
  has(item: TreeItem): boolean {
    return this.#listings.has(treeKey(item));
  }

  /** The listing of a tree that stays here; undefined where there is none. */
  get(item: TreeItem): TreeListing | undefined {
    return this.#listings.get(treeKey(item));
  }

  /** Gives a listing away, since it grows old. @returns undefined where there is none */
  take(item: TreeItem): TreeListing | undefined {
    const key = treeKey(item);
    const listing = this.#listings.get(key);
    if (listing === undefined || this.#isLasting) return listing;
    this.#listings.delete(key);
    this.#room += listing.modes.length;
    return listing;
  }
}
