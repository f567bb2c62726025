/** A bound on waiting for a peer that sends or takes bytes, however slowly it drips. */

/** What must pass within the limit, in bytes, for the wait to begin anew. */
export const PROGRESS_STEP = 64 * 1024;

/** Into how many turns the limit is cut: time is only counted while it is the peer that is waited for. */
const TURNS = 10;

/** Tells when a peer took longer than its limit for {@link PROGRESS_STEP} bytes. Time spent elsewhere doesn't count. */
export class ProgressWatch {
  /** Whether it is the peer that is waited for. */
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
