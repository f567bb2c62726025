/** Node.js 22 has no `AsyncDisposableStack`, of which this is what varve needs. */

/** What is disposed of together, the last first. */
export class Resources implements AsyncDisposable {
  #held: (AsyncDisposable | Disposable)[] = [];

  /** Has something disposed of with the others. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.#held.push(resource);
    return resource;
  }

  /** Gives all to a new owner: disposing of this one does nothing any more. */
  move(): Resources {
    const owner = new Resources();
    owner.#held = this.#held;
    this.#held = [];
    return owner;
  }

  /** @throws the first error of one that could not be disposed of, when all others are */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (let last = this.#held.pop(); last !== undefined; last = this.#held.pop()) {
      try {
        await (Symbol.asyncDispose in last ? last[Symbol.asyncDispose]() : last[Symbol.dispose]());
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
