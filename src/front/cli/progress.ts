/** Shows progress on a terminal. */
import type { WriteProgress } from "#app";
import { counted, formatBytes } from "#report";
import { shown } from "#util";
import { draw } from "./output.ts";

/** How often the lines of layers under way are drawn anew, in milliseconds. */
const REDRAW_PAUSE = 100;

export interface ProgressOptions {
  /** Says nothing at all. */
  readonly quiet: boolean;
  /** Names each sink, where there are several. */
  readonly several: boolean;
}

/**
 * On a terminal, shows how many layers are done, and a line for each one that is being written; in the end nothing of that is
 * left. Logs get none of it.
 */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #live = process.stderr.isTTY === true;
  readonly #active = new Map<string, string>();
  readonly #done = { layers: 0, bytes: 0 };
  #lastDraw = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** The callback for operations that write. */
  readonly report = ({ destination, index, digest, size, done, outcome }: WriteProgress): void => {
    if (this.#options.quiet || !this.#live) return;
    const key = `${destination} ${index}`;
    if (outcome === undefined) {
      const where = this.#options.several ? `${destination} ` : "";
      const name = `${where}layer ${String(index + 1).padStart(3)}  ${(digest?.slice(7, 19) ?? "").padEnd(12)}`;
      const share = size === 0 ? 100 : Math.min(100, Math.floor((100 * done) / size));
      this.#active.set(key, `${name}  ${formatBytes(size).padStart(7)}  ${String(share).padStart(3)} %`);
    } else {
      this.#active.delete(key);
      this.#done.layers++;
      this.#done.bytes += size;
    }
    this.#redraw();
  };

  /** Takes everything away. */
  finish(): void {
    if (this.#live) draw([]);
  }

  #redraw(): void {
    const now = performance.now();
    if (now - this.#lastDraw < REDRAW_PAUSE) return;
    this.#lastDraw = now;
    const { layers, bytes } = this.#done;
    const lines = [`${counted(layers, "layer")} done, ${formatBytes(bytes)}`, ...this.#active.values()];
    const width = process.stderr.columns || 80;
    draw(lines.map((line) => shown(line, width - 1)));
  }
}
