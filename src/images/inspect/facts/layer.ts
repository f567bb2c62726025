/** Learns of a layer while it passes by. */
import { type TarEntry, TarScanner } from "#tar";
import { FactsWriter } from "./facts.ts";
import { watchFile } from "./watch.ts";

/** Gets a layer's archive, uncompressed. */
export class LayerWatcher {
  readonly #facts = new FactsWriter();
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
   * What was learned of it, as `readFacts` reads it.
   * @throws VarveError `INVALID_TAR`
   */
  finish(): Uint8Array {
    this.#scanner.finish();
    return this.#facts.finish();
  }

  #entry(entry: TarEntry) {
    const { name, type, mode, size, linkname = "", uid } = entry;
    const tell = this.#facts.add([name, type, mode, linkname, uid]);
    const isFile = size > 0 && !"123456".includes(type);
    return isFile ? watchFile(entry, tell) : undefined;
  }
}
