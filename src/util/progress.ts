/** Limits the waiting for a peer that sends or takes bytes, even if a few bytes come all the time. */

/** How many bytes must pass within the limit for the wait to begin again. */
export const PROGRESS_STEP = 64 * 1024;

/** Into how many ticks the limit is divided: time counts only while the peer is being waited for. */
const TURNS = 10;

/** Reports a peer that takes longer than its limit for {@link PROGRESS_STEP} bytes. Time spent on other things doesn't count. */
export class ProgressWatch {
  /** Whether the peer is being waited for. */
  waiting = false;
  #passed = 0;
  #quietTurns = 0;
  readonly #timer: NodeJS.Timeout | undefined;

  /**
   * @param limit in milliseconds; none when left out
   * @param onStall called once
   */
  constructor(limit: number | undefined, onStall: () => void) {
    if (limit === undefined) return;
    this.#timer = setInterval(() => {
      if (!this.waiting || ++this.#quietTurns < TURNS) return;
      this.stop();
      onStall();
    }, limit / TURNS);
  }

  /** Counts bytes that have passed. */
  count(bytes: number): void {
    this.#passed += bytes;
    if (this.#passed < PROGRESS_STEP) return;
    this.#passed = 0;
    this.#quietTurns = 0;
  }

  /** Ends the watch. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
