/** What differs between two states of a component's entries. */
import type { EntryFacts, Traits } from "./read.ts";
import type { FileAspect, FileChange, FileChanges } from "./types.ts";

type Entries = ReadonlyMap<string, EntryFacts>;

export interface EntriesComparison {
  readonly files: FileChanges;
  /** Whether the entries that both have come in another order. */
  readonly reordered: boolean;
}

/** How many names are listed for each aspect in which entries differ. */
const NAMES = 20;

/** Compares two states of a component, entry by entry. */
export function compareEntries(before: Entries, now: Entries): EntriesComparison {
  const tally = new Tally();
  for (const name of before.keys()) if (!now.has(name)) tally.note("removed", name);
  for (const [name, entry] of now) {
    const old = before.get(name);
    if (old === undefined) tally.note("added", name);
    else compareEntry(name, [old, entry], tally);
  }
  return { files: tally.changes, reordered: isReordered(before, now) };
}

function compareEntry(name: string, [old, entry]: readonly [EntryFacts, EntryFacts], tally: Tally): void {
  if (old.type !== entry.type || old.content !== entry.content) tally.note("content", name);
  else if (old.link !== entry.link) tally.note("links", name, [old.link, entry.link]);
  const [a, b] = [old.traits, entry.traits];
  if (a === b) return;
  if (a.mode !== b.mode) tally.note("mode", name, [octal(a.mode), octal(b.mode)]);
  if (a.ids !== b.ids || a.names !== b.names) tally.note("owner", name, owners(a, b));
  if (a.mtime !== b.mtime) tally.note("mtime", name, [time(a.mtime), time(b.mtime)]);
  if (a.attributes !== b.attributes) tally.note("attributes", name);
}

/** Whether any of the entries, or of the components, that both have is at another place among them. */
export function isReordered(
  before: { keys(): Iterable<string>; has(name: string): boolean },
  now: { keys(): Iterable<string>; has(name: string): boolean },
): boolean {
  const names = now.keys()[Symbol.iterator]();
  for (const name of before.keys()) {
    if (!now.has(name)) continue;
    let step = names.next();
    while (!step.done && !before.has(step.value)) step = names.next();
    if (step.value !== name) return true;
  }
  return false;
}

/** Counts what differs, and keeps the first names. */
class Tally {
  readonly changes: Partial<Record<FileAspect, FileChange>> = {};

  note(aspect: FileAspect, name: string, [from, to]: readonly [string?, string?] = []): void {
    const known = this.changes[aspect];
    if (known === undefined) {
      this.changes[aspect] = { count: 1, names: [name], ...fromTo(from, to) };
      return;
    }
    const alike = known.from === from && known.to === to;
    this.changes[aspect] = {
      count: known.count + 1,
      names: known.names.length < NAMES ? [...known.names, name] : known.names,
      ...(alike ? fromTo(from, to) : {}),
    };
  }
}

function fromTo(from: string | undefined, to: string | undefined) {
  return from === undefined || to === undefined ? {} : { from, to };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function owners(a: Traits, b: Traits): [string, string] {
  return a.ids === b.ids ? [a.names, b.names] : [a.ids, b.ids];
}

/** As in RFC 3339, or in seconds for times that no calendar has. */
function time(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().replace(".000Z", "Z");
}
