/** Follows an archive as its chunks pass by, and lists what is in it. */
import { createHash, type Hash } from "node:crypto";
import { type ContentWatcher, type TarEntry, TarScanner } from "#tar";
import type { PackedText } from "./packed-text.ts";
import { rawName } from "./raw-name.ts";
import { TarSplit } from "./tar-split.ts";
import { type TocEntry, tocEntry } from "./toc.ts";

/** A file's content, whose frames are filled in by who makes them: the first one, and the one after the last, counted from 0. */
export interface FileFrames {
  digest: string;
  first: number;
  end: number;
}

/** An entry of the archive, with its content if it has any. */
export interface Listed {
  readonly entry: TocEntry;
  file?: FileFrames;
}

/** What comes next of an archive: some of its bytes, which are lent, or a place where a file's content begins or ends. */
export type Part =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "begin" | "end"; readonly file: FileFrames };

export class ArchiveFollower {
  readonly #split: TarSplit;
  readonly #scanner: TarScanner;
  readonly #listed: Listed[] = [];
  readonly #names = new Set<string>();
  /** Whether the table can have all there is so far. */
  #isListable = true;
  #parts: Part[] = [];
  #chunk: Uint8Array = Buffer.alloc(0);
  /** Where the chunk begins in the archive, and up to where the archive is in parts. */
  #start = 0;
  #taken = 0;

  /** @param split gets all that isn't content */
  constructor(split: PackedText) {
    this.#split = new TarSplit(split);
    this.#scanner = new TarScanner({ what: "the layer", onEntry: (entry) => this.#entry(entry) });
  }

  /** The entries, in their order; undefined for an archive that isn't sound, or has something that the table has no words for. */
  get listed(): readonly Listed[] | undefined {
    return this.#isListable ? this.#listed : undefined;
  }

  /** Takes the next chunk; all of its bytes are in what is returned. */
  push(chunk: Uint8Array): readonly Part[] {
    this.#parts = [];
    this.#chunk = chunk;
    this.#attempt(() => this.#scanner.push(chunk));
    this.#others(this.#start + chunk.length);
    this.#start += chunk.length;
    return this.#parts;
  }

  /** To be called after the last chunk. */
  finish(): void {
    this.#attempt(() => this.#scanner.finish());
    this.#split.finish();
  }

  #entry(entry: TarEntry): ContentWatcher {
    this.#others(this.#scanner.position);
    const name = rawName(entry, this.#split.header());
    const described = tocEntry(entry, name);
    // Engines refuse a table with one path twice.
    if (described === undefined || this.#names.has(entry.name)) this.#isListable = false;
    this.#names.add(entry.name);
    const listed: Listed = { entry: described ?? {} };
    this.#listed.push(listed);
    return this.#watcher(listed, name);
  }

  #watcher(listed: Listed, name: string): ContentWatcher {
    // Many entries have no content.
    let hash: Hash | undefined;
    let size = 0;
    return {
      piece: (bytes) => {
        if (size === 0) {
          listed.file = { digest: "", first: 0, end: 0 };
          this.#parts.push({ kind: "begin", file: listed.file });
        }
        size += bytes.length;
        hash ??= createHash("sha256");
        hash.update(bytes);
        this.#split.content(bytes);
        this.#parts.push({ kind: "bytes", bytes });
        this.#taken = this.#scanner.position;
      },
      end: () => {
        if (listed.file !== undefined && hash !== undefined) {
          listed.file.digest = `sha256:${hash.digest("hex")}`;
          this.#parts.push({ kind: "end", file: listed.file });
        }
        this.#split.entry(name, size);
      },
    };
  }

  /** What there is up to a place that hasn't been taken yet is no content. */
  #others(to: number): void {
    const bytes = this.#chunk.subarray(this.#taken - this.#start, to - this.#start);
    this.#taken = to;
    if (bytes.length === 0) return;
    this.#parts.push({ kind: "bytes", bytes });
    if (this.#isListable) this.#split.raw(bytes);
  }

  /** What can't be read as an archive is compressed all the same. */
  #attempt(read: () => void): void {
    if (!this.#isListable) return;
    try {
      read();
    } catch {
      this.#isListable = false;
    }
  }
}
