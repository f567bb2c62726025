/** Shows progress on stderr. */

import type { WriteProgress } from "#app";
import { formatBytes } from "#report";
import { shown } from "#util";
import type { LayerOutcome } from "#write";
import { redraw, say } from "./output.ts";

const WORDS: Record<LayerOutcome, string> = {
  written: "written",
  present: "already there",
  mounted: "mounted",
};

/** How often the lines of layers under way are drawn anew, in milliseconds. */
const REDRAW_PAUSE = 100;

export interface ProgressOptions {
  /** Says nothing at all. */
  readonly quiet: boolean;
  /** Names each sink, where there are several. */
  readonly several: boolean;
}

/**
 * Shows a line for each layer when it is done and, on a terminal, also while it is being written. Other outputs get only the
 * former, so that logs can be read.
 */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #live = process.stderr.isTTY === true;
  readonly #active = new Map<string, string>();
  readonly #totals = new Map<LayerOutcome, { layers: number; bytes: number }>();
  #drawn = 0;
  #lastDraw = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** The callback for operations that write. */
  readonly report = ({ destination, index, digest, size, done, outcome }: WriteProgress): void => {
    if (this.#options.quiet) return;
    const where = this.#options.several ? `${destination} ` : "";
    const name = `${where}layer ${String(index + 1).padStart(3)}  ${(digest?.slice(7, 19) ?? "").padEnd(12)}  ${formatBytes(size).padStart(7)}`;
    const key = `${destination} ${index}`;
    if (outcome === undefined) {
      const share = size === 0 ? 100 : Math.min(100, Math.floor((100 * done) / size));
      this.#active.set(key, `${name}  ${String(share).padStart(3)} %`);
      this.#redraw([]);
    } else {
      this.#active.delete(key);
      const total = this.#totals.get(outcome) ?? { layers: 0, bytes: 0 };
      this.#totals.set(outcome, { layers: total.layers + 1, bytes: total.bytes + size });
      this.#redraw([`${name}  ${WORDS[outcome]}`]);
    }
  };

  /** Reports the result of all layers together. */
  finish(): void {
    if (this.#options.quiet) return;
    this.#active.clear();
    const totals = [...this.#totals].map(
      ([outcome, { layers, bytes }]) => `${layers} ${WORDS[outcome]} (${formatBytes(bytes)})`,
    );
    this.#redraw(totals.length === 0 ? [] : [`Layers: ${totals.join(", ")}`]);
  }

  /** Prints lines that stay, and below them, on a terminal, those of the layers under way. */
  #redraw(lines: readonly string[]): void {
    if (!this.#live) {
      for (const line of lines) say(line);
      return;
    }
    const now = performance.now();
    if (lines.length === 0 && this.#active.size > 0 && now - this.#lastDraw < REDRAW_PAUSE) return;
    this.#lastDraw = now;
    const width = process.stderr.columns || 80;
    const active = [...this.#active.values()].map((line) => shown(line, width - 1));
    redraw([...lines, ...active], this.#drawn);
    this.#drawn = active.length;
  }
}
