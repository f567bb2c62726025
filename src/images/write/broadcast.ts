import type { ByteSource } from "#util";

/** One reader's view of a shared reading. */
export interface SharedReading {
  /** Begins to read; once only. */
  open(): AsyncIterable<Uint8Array>;
  /** Says that this reader doesn't need the bytes. Does nothing if it has begun to read. */
  decline(): void;
}

type Step = IteratorResult<Uint8Array, void>;

/**
 * Lets several readers share one reading of a source. It is opened when each of them has either begun or declined.
 * A chunk is read when all remaining readers ask for it. So the slowest one sets the pace, and the source's rule about the
 * memory of its chunks applies to each of them.
 */
export function shareReading(
  source: ByteSource,
  { readers, signal }: { readers: number; signal?: AbortSignal | undefined },
): SharedReading[] {
  let chunks: AsyncIterator<Uint8Array, void> | undefined;
  let undecided = readers;
  const active = new Set<PromiseWithResolvers<Step>[]>();

  /** Reads on when every reader has decided, and all that read are waiting. */
  const advance = (): void => {
    if (undecided > 0 || active.size === 0) return;
    const waiting = [...active].map((requests) => requests[0]);
    if (waiting.includes(undefined)) return;
    for (const requests of active) requests.shift();
    chunks ??= source.open(signal)[Symbol.asyncIterator]();
    chunks.next().then(
      (step) => {
        for (const request of waiting) request?.resolve(step);
      },
      (error) => {
        for (const request of waiting) request?.reject(error);
      },
    );
  };

  const view = (): SharedReading => {
    const requests: PromiseWithResolvers<Step>[] = [];
    let decided = false;
    const decide = (reads: boolean): void => {
      decided = true;
      undecided--;
      if (reads) active.add(requests);
      advance();
    };
    const leave = async (): Promise<Step> => {
      active.delete(requests);
      if (active.size === 0 && undecided === 0) await chunks?.return?.();
      else advance();
      return { done: true, value: undefined };
    };
    return {
      open() {
        if (decided) throw new Error("a shared layer can be read only once");
        decide(true);
        const next = (): Promise<Step> => {
          const request = Promise.withResolvers<Step>();
          requests.push(request);
          advance();
          return request.promise;
        };
        return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
      },
      decline() {
        if (!decided) decide(false);
      },
    };
  };
  return Array.from({ length: readers }, view);
}
