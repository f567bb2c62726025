/** How many entries of layers are kept in memory: a small layer may decompress to any number of them. */
import { VarveError } from "#errors";
import type { TarEntry } from "#tar";

/** In bytes; several millions of entries, which is more than the largest images have, and less than Node.js may use. */
const MAX_KEPT = 1024 ** 3;

/** About how many bytes an entry takes besides its texts. */
const ENTRY_COST = 400;

/** Counts what entries take in memory. */
export class EntriesKept {
  #bytes = 0;
  readonly #limit: number;

  constructor(limit: number = MAX_KEPT) {
    this.#limit = limit;
  }

  /**
   * Counts an entry in.
   * @param recount counts anew what is kept when there seems to be too much, since some of it may have been let go
   * @throws VarveError `TOO_LARGE`
   */
  add(entry: TarEntry, { what, recount }: { what: string; recount?: () => Iterable<TarEntry> }): void {
    this.#bytes += costOf(entry);
    if (this.#bytes <= this.#limit) return;
    if (recount !== undefined) {
      this.#bytes = 0;
      for (const kept of recount()) this.#bytes += costOf(kept);
      // Counting everything again for each entry would take too long.
      if (this.#bytes <= this.#limit / 2) return;
    }
    throw new VarveError(
      "TOO_LARGE",
      `${what} has more files, or longer names, than fit in memory and than any real image has`,
    );
  }
}

function costOf({ name, linkname = "", pax }: TarEntry): number {
  let cost = ENTRY_COST + name.length + linkname.length;
  for (const [key, value] of pax ?? []) cost += key.length + value.length;
  return cost;
}
