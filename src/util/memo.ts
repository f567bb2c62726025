/** Answers that are worked out once, for whoever asks again. */
export class Memo {
  readonly #answers = new Map<string, unknown>();

  /**
   * The answer to a question; one that failed stays so.
   * @param key names the question, with all that the answer depends on; each key has answers of one type
   */
  get<T>(key: string, work: () => T): T {
    if (!this.#answers.has(key)) this.#answers.set(key, work());
    return this.#answers.get(key) as T;
  }
}

/** As {@link Memo.get}, or works it out anew where nothing is kept. */
export function once<T>(memo: Memo | undefined, key: string, work: () => T): T {
  return memo === undefined ? work() : memo.get(key, work);
}
