/** Extended headers: pax records (POSIX.1-2017, pax, "pax Extended Header"), and GNU tar's long names. */
import { untilNul, withoutSlashes } from "./decode-header.ts";
import { EntryType, type TarEntry } from "./entry.ts";
import { decodeRecords } from "./records.ts";
import { isSparse, sparseFailure } from "./sparse.ts";

/** In bytes: real names and records are a few kilobytes; more is an attack on memory. */
export const MAX_EXTENDED_SIZE = 1024 * 1024;

/** Whether a header only speaks of those that follow. */
export function isExtended({ type }: Pick<TarEntry, "type">): boolean {
  return "gxXLK".includes(type);
}

/** What came before a header and belongs to it. */
interface Preamble {
  readonly pax?: ReadonlyMap<string, string>;
  readonly longName?: string;
  readonly longLink?: string;
}

/** What most headers have before them. */
const NOTHING: Preamble = {};

/** An archive's extended headers, in their order among its entries. */
export class ExtendedHeaders {
  readonly #what: string;
  readonly #globals = new Map<string, string>();
  #preamble = NOTHING;

  /** @param what names the archive in errors */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * Takes the data of an extended header of a type.
   * @throws VarveError `INVALID_TAR`
   */
  take(type: string, payload: Uint8Array): void {
    if (type === "g") {
      this.#takeGlobal(decodeRecords(payload, this.#what));
      return;
    }
    const said =
      type === "L"
        ? { longName: untilNul(payload) }
        : type === "K"
          ? { longLink: untilNul(payload) }
          : { pax: decodeRecords(payload, this.#what) };
    this.#preamble = { ...this.#preamble, ...said };
  }

  /** The entry of the next header that isn't extended, with all that was said of it. */
  entry(raw: TarEntry): TarEntry {
    const preamble = this.#preamble;
    this.#preamble = NOTHING;
    return preamble === NOTHING && this.#globals.size === 0
      ? raw
      : applyPreamble(raw, preamble, this.#globals);
  }

  #takeGlobal(records: Map<string, string>): void {
    // A size for all that follows, absurd as it is, lasts until the next global header, as GNU tar has it.
    this.#globals.delete("size");
    // Readers differ in whether all that follows is sparse, then.
    if (isSparse({ pax: records }))
      throw sparseFailure({ name: "of a global header", pax: records }, this.#what);
    for (const [key, value] of records) this.#globals.set(key, value);
  }
}

/** An entry with what extended headers say of it. */
function applyPreamble(raw: TarEntry, preamble: Preamble, globals: ReadonlyMap<string, string>): TarEntry {
  const directory = raw.type === EntryType.directory;
  const longName = preamble.longName;
  const own = preamble.pax ?? new Map<string, string>();
  const pax = globals.size === 0 ? own : new Map([...globals, ...own]);
  const path = pax.get("path");
  const name = path !== undefined ? withoutSlashes(path) : (longName ?? raw.name);
  return {
    ...raw,
    name: directory ? withoutSlashes(name) : name,
    linkname: pax.get("linkpath") ?? preamble.longLink ?? raw.linkname ?? "",
    uname: pax.get("uname") ?? raw.uname ?? "",
    gname: pax.get("gname") ?? raw.gname ?? "",
    uid: wholeNumber(pax.get("uid"), raw.uid),
    gid: wholeNumber(pax.get("gid"), raw.gid),
    size: wholeNumber(pax.get("size"), raw.size),
    mtime: anyNumber(pax.get("mtime"), raw.mtime),
    ...(pax.size > 0 ? { pax } : {}),
  };
}

function wholeNumber(record: string | undefined, field: number): number {
  if (record === undefined) return field;
  return /^\s*[+-]?\d+\s*$/.test(record) ? Number(record) : 0;
}

function anyNumber(record: string | undefined, field: number): number {
  if (record === undefined) return field;
  const number = Number(record);
  // Unlike Python, JavaScript would read 0x10, too.
  return /^\s*[+-]?[0-9.]/.test(record) && !/x/i.test(record) && Number.isFinite(number) ? number : 0;
}
