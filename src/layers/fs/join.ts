/** Joins a recipe's items to one archive: each name is in it once, and a directory before what is in it. */
import { constants } from "node:fs";
import { posix } from "node:path";
import { EntryType } from "#tar";
import { parentOf } from "#util";
import type { TreeListing } from "./listing.ts";
import type { EntryItem, LayerRecipe, TreeItem } from "./recipe.ts";

/** A part of an item that is in the archive as it is in the item. */
export interface Run {
  readonly item: TreeItem | EntryItem;
  /** The tree's; an entry has none. */
  readonly listing: TreeListing | undefined;
  /** The first entry, an index into the listing; an entry item has only the index 0. */
  readonly from: number;
  /** The index behind the last one. */
  readonly to: number;
}

/**
 * What the archive of a recipe has, in order. Everything comes where its item stands, but of items with one name the
 * first counts, as if it lay in a layer above the others: a file or link hides what others have at its place and below.
 * A directory that is only implied gives way to one that is really there, be that in a later item.
 * @param listings those of the recipe's trees
 */
export function joinItems(recipe: LayerRecipe, listings: readonly TreeListing[]): Run[] {
  let tree = 0;
  const whole = recipe.items.map((item): Run => {
    const listing = item.kind === "tree" ? listings[tree++]! : undefined;
    return { item, listing, from: 0, to: listing?.names.length ?? 1 };
  });
  // Hardly ever in layers of a store; then not one name has to be made.
  return !recipe.verbatim && mayMeet(recipe.items) ? new Join(whole).runs() : whole;
}

/** Whether two items could have one name, or one could come before the directory that it is in. */
function mayMeet(items: LayerRecipe["items"]): boolean {
  const places = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const place = placeOf(item);
    if (places.has(place)) return true;
    places.set(place, index);
  }
  for (const [place, index] of places) {
    for (let name = place; name !== ""; ) {
      name = parentOf(name);
      const above = places.get(name);
      // A tree that something else lies in counts, too: it may have the same there.
      if (above !== undefined && (above > index || kindOf(items[above]!) === OTHER)) return true;
    }
  }
  return false;
}

/** Of directories, the higher one counts. */
const OTHER = 0;
const IMPLIED_DIRECTORY = 1;
const DIRECTORY = 2;

/** In place of an entry's number: no item has the directory, though something is in it. */
const OPEN = -1;
/** In place of an entry's number: there is a file or a link above it. */
const HIDDEN = -2;

interface NumberedEntry {
  readonly name: string;
  /** Counted through all items. */
  readonly number: number;
  readonly item: number;
  readonly kind: number;
}

class Join {
  readonly #whole: readonly Run[];
  /** The number of each item's first entry. */
  readonly #firsts: number[] = [];
  /** By entry. */
  readonly #kinds: Uint8Array;
  readonly #items: Uint32Array;
  /** The entries that have the names. */
  readonly #holders = new Map<string, number>();

  constructor(whole: readonly Run[]) {
    this.#whole = whole;
    let total = 0;
    for (const { to } of whole) {
      this.#firsts.push(total);
      total += to;
    }
    this.#kinds = new Uint8Array(total);
    this.#items = new Uint32Array(total);
    for (const { name, number, item, kind } of this.#entries()) {
      this.#kinds[number] = kind;
      this.#items[number] = item;
      this.#claim(name, number);
    }
  }

  runs(): Run[] {
    const runs: { item: number; from: number; to: number }[] = [];
    const written = new Uint8Array(this.#kinds.length);
    const write = (name: string): void => {
      const number = this.#holders.get(name) ?? OPEN;
      if (number === HIDDEN || written[number] === 1) return;
      // Its directory may stand in a later item.
      if (name !== "") write(parentOf(name));
      if (number === OPEN) return;
      written[number] = 1;
      const item = this.#items[number]!;
      const at = number - this.#firsts[item]!;
      const last = runs.at(-1);
      if (last?.item === item && last.to === at) last.to++;
      else runs.push({ item, from: at, to: at + 1 });
    };
    for (const { name } of this.#entries()) write(name);
    return runs.map(({ item, from, to }) => ({ ...this.#whole[item]!, from, to }));
  }

  *#entries(): Generator<NumberedEntry, void, void> {
    let number = 0;
    for (const [index, { item, listing, to }] of this.#whole.entries()) {
      const place = placeOf(item);
      for (let at = 0; at < to; at++) {
        const name = at === 0 ? place : `${place}/${listing!.names[at]}`;
        yield { name, number: number++, item: index, kind: kindOf(item, listing?.modes[at]) };
      }
    }
  }

  #claim(name: string, number: number): void {
    const holder = this.#holders.get(name);
    if (holder === undefined) {
      this.#holders.set(name, name === "" || this.#isOpen(parentOf(name)) ? number : HIDDEN);
    } else if (holder !== HIDDEN) {
      const held = holder === OPEN ? OTHER : this.#kinds[holder]!;
      const isDirectory = holder === OPEN || held !== OTHER;
      if (isDirectory && this.#kinds[number]! > held) this.#holders.set(name, number);
    }
  }

  /** Whether something may be in what has a name. */
  #isOpen(name: string): boolean {
    const holder = this.#holders.get(name);
    if (holder !== undefined) return holder === OPEN || (holder !== HIDDEN && this.#kinds[holder] !== OTHER);
    const isOpen = name === "" || this.#isOpen(parentOf(name));
    this.#holders.set(name, isOpen ? OPEN : HIDDEN);
    return isOpen;
  }
}

/** An item's path in the image, without a slash at the end; the root is the empty name. */
function placeOf(item: TreeItem | EntryItem): string {
  return posix.normalize(item.kind === "tree" ? item.target : item.entry.name).replace(/\/$/, "");
}

/** @param mode an entry's of a tree, as `st_mode` */
function kindOf(item: TreeItem | EntryItem, mode = 0): number {
  if (item.kind === "tree") return (mode & constants.S_IFMT) === constants.S_IFDIR ? DIRECTORY : OTHER;
  if (item.entry.type !== EntryType.directory) return OTHER;
  return item.implied ? IMPLIED_DIRECTORY : DIRECTORY;
}
