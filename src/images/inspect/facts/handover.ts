/** Chunks that one hands to another, one at a time. */

export interface Handover {
  /** Gives a copy of a chunk, and waits until the one before was taken. */
  give(chunk: Uint8Array): Promise<void>;
  /** No more are given, or taken. */
  end(): void;
  readonly taken: AsyncIterable<Uint8Array>;
}

export function handover(): Handover {
  let chunk: Uint8Array | undefined;
  let isEnded = false;
  let wake = Promise.withResolvers<void>();
  /** Lets whoever waits look again. */
  const change = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  return {
    async give(given) {
      while (chunk !== undefined && !isEnded) await wake.promise;
      if (isEnded) return;
      chunk = Uint8Array.from(given);
      change();
    },
    end() {
      isEnded = true;
      change();
    },
    taken: {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          while (chunk === undefined && !isEnded) await wake.promise;
          if (chunk === undefined) return;
          const taken = chunk;
          chunk = undefined;
          change();
          yield taken;
        }
      },
    },
  };
}
