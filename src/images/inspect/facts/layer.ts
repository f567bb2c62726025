/** Learns of a layer while it passes by. */
import { type TarEntry, TarScanner } from "#tar";
import type { FactEntry, FileFacts, LayerFacts } from "./facts.ts";
import { watchFile } from "./watch.ts";

/** Gets a layer's archive, uncompressed. */
export class LayerWatcher {
  readonly #entries: FactEntry[] = [];
  readonly #files = new Map<number, FileFacts>();
  readonly #scanner: TarScanner;

  /** @param what names the layer in errors */
  constructor(what: string) {
    this.#scanner = new TarScanner({ what, onEntry: (entry) => this.#entry(entry) });
  }

  /** @throws VarveError `INVALID_TAR` */
  push(chunk: Uint8Array): void {
    this.#scanner.push(chunk);
  }

  /**
   * What was learned of it.
   * @throws VarveError `INVALID_TAR`
   */
  finish(): LayerFacts {
    this.#scanner.finish();
    return { entries: this.#entries, files: this.#files };
  }

  #entry(entry: TarEntry) {
    const { name, type, mode, size, linkname = "", uid } = entry;
    const position = this.#entries.push([name, type, mode, linkname, uid]) - 1;
    const isFile = size > 0 && !"123456".includes(type);
    return isFile ? watchFile(entry, (facts) => void this.#files.set(position, facts)) : undefined;
  }
}
