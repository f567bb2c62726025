/** Joins a recipe's items into one archive, in which each name occurs once and a directory comes before what is in it. */
import { constants } from "node:fs";
import { posix } from "node:path";
import { EntryType } from "#tar";
import { parentOf } from "#util";
import type { TreeListing } from "./listing.ts";
import type { EntryItem, LayerRecipe, TreeItem } from "./recipe.ts";
import { pathReader } from "./tree-names.ts";

/** A range of an item's entries that goes into the archive unchanged. */
export interface Run {
  readonly item: TreeItem | EntryItem;
  /** The listing of the item's tree; undefined for an entry item. */
  readonly listing: TreeListing | undefined;
  /** Index of the first entry in the listing; an entry item has only the index 0. */
  readonly from: number;
  /** Index after the last entry. */
  readonly to: number;
}

/**
 * The content of a recipe's archive, in order. Entries come in the order of their items. If several items have the same
 * name, the first one counts, as if it were in a layer above the others: a file or link hides what others have at its
 * place and below. A directory that is only implied is replaced by a real one, even if that is in a later item.
 * @param listings the listings of the recipe's trees
 */
export function joinItems(recipe: LayerRecipe, listings: readonly TreeListing[]): Run[] {
  let tree = 0;
  const whole = recipe.items.map((item): Run => {
    const listing = item.kind === "tree" ? listings[tree++]! : undefined;
    return { item, listing, from: 0, to: listing?.modes.length ?? 1 };
  });
  // In layers of store paths items hardly ever overlap; then no name has to be built at all.
  return !recipe.verbatim && mayMeet(recipe.items) ? new Join(whole).runs() : whole;
}

/** Whether two items could have the same name, or an item could come before the directory that it is in. */
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
      // So can a tree in which another item lies: it may have the same name there.
      if (above !== undefined && (above > index || kindOf(items[above]!) === OTHER)) return true;
    }
  }
  return false;
}

/** The kinds of entries. Of two directories with the same name, the one of the higher kind counts. */
const OTHER = 0;
const IMPLIED_DIRECTORY = 1;
const DIRECTORY = 2;

/** Stands in place of an entry's number: no item has the directory, but some item has something in it. */
const OPEN = -1;
/** Stands in place of an entry's number: there is a file or a link above it. */
const HIDDEN = -2;

interface NumberedEntry {
  readonly name: string;
  /** The entries of all items are numbered consecutively. */
  readonly number: number;
  readonly item: number;
  readonly kind: number;
}

class Join {
  readonly #whole: readonly Run[];
  /** The number of each item's first entry. */
  readonly #firsts: number[] = [];
  /** Of each entry, by its number. */
  readonly #kinds: Uint8Array;
  readonly #items: Uint32Array;
  /** Which entry each name belongs to. */
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
      // Its directory may be in a later item.
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
      const pathAt = listing && pathReader(listing.names);
      for (let at = 0; at < to; at++) {
        const name = at === 0 ? place : `${place}/${pathAt!(at)}`;
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

  /** Whether entries below this name are in the archive: the name is not hidden, and neither a file nor a link. */
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

/** @param mode of an entry of a tree, as `st_mode` */
function kindOf(item: TreeItem | EntryItem, mode = 0): number {
  if (item.kind === "tree") return (mode & constants.S_IFMT) === constants.S_IFDIR ? DIRECTORY : OTHER;
  if (item.entry.type !== EntryType.directory) return OTHER;
  return item.implied ? IMPLIED_DIRECTORY : DIRECTORY;
}
