import { setTimeout as wait } from "node:timers/promises";
import { cancelled, type VarveError } from "#errors";

/** How often and when a failed request is tried again. */
export interface RetryOptions {
  /** How many times a request is sent at most; 6 by default. */
  readonly attempts?: number;
  /** The pause before the second attempt, in milliseconds; it doubles each time. 500 by default. */
  readonly baseDelay?: number;
  /** The longest pause that varve chooses by itself, in milliseconds; 10 s by default. */
  readonly maxDelay?: number;
  /** The longest pause that a server's `Retry-After` is granted, in milliseconds; a longer one ends the attempts. 60 s by default. */
  readonly maxRetryAfter?: number;
  /** Waits; replaced in tests. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** A number from 0 up to 1 for the jitter; replaced in tests. */
  readonly random?: () => number;
}

/** Exponential back-off with jitter. */
export class Backoff {
  readonly attempts: number;
  readonly #baseDelay: number;
  readonly #maxDelay: number;
  readonly #maxRetryAfter: number;
  readonly #sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly #random: () => number;

  constructor(options: RetryOptions = {}) {
    this.attempts = Math.max(1, options.attempts ?? 6);
    this.#baseDelay = options.baseDelay ?? 500;
    this.#maxDelay = options.maxDelay ?? 10_000;
    this.#maxRetryAfter = options.maxRetryAfter ?? 60_000;
    this.#sleep = options.sleep ?? sleep;
    this.#random = options.random ?? Math.random;
  }

  /**
   * The pause in milliseconds after failed attempt `attempt` (from 1), or undefined when it was the last, or when the server wants
   * a longer pause than is granted. Half of the pause is jitter, so that many clients don't come back at once.
   */
  delay(attempt: number, retryAfter?: number): number | undefined {
    if (attempt >= this.attempts) return undefined;
    if (retryAfter !== undefined && retryAfter > this.#maxRetryAfter) return undefined;
    const full = Math.min(this.#maxDelay, this.#baseDelay * 2 ** (attempt - 1));
    return Math.max(retryAfter ?? 0, full * (0.5 + this.#random() / 2));
  }

  /** @throws VarveError `ABORTED` when the signal fires. */
  async pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
    try {
      await this.#sleep(milliseconds, signal);
    } catch (cause) {
      if (signal?.aborted) throw aborted(cause);
      throw cause;
    }
  }
}

async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, signal === undefined ? {} : { signal });
}

/** The error of an operation cancelled through its signal. */
export function aborted(cause: unknown): VarveError {
  return cancelled("the operation", cause);
}

/** Answers that a later attempt may turn into good ones. */
export function isRetryStatus(status: number): boolean {
  return status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}
