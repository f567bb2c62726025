import type { TarInput } from "./decode.ts";

/** A {@link TarInput} over a stream of chunks. What is read is copied, so that chunks may be used again. */
export function streamInput(chunks: AsyncIterable<Uint8Array>): TarInput & {
  /** Passes over all that is left. */
  drain(): Promise<void>;
} {
  const iterator = chunks[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array(0);
  let at = 0;

  /** Makes sure that there is a byte to read; false at the end. */
  const fill = async (): Promise<boolean> => {
    while (at === chunk.length) {
      const step = await iterator.next();
      if (step.done) return false;
      chunk = step.value;
      at = 0;
    }
    return true;
  };

  return {
    async read(length, into) {
      const bytes = into?.subarray(0, length) ?? Buffer.alloc(length);
      let filled = 0;
      while (filled < length && (await fill())) {
        const taken = chunk.subarray(at, at + length - filled);
        bytes.set(taken, filled);
        filled += taken.length;
        at += taken.length;
      }
      return bytes.subarray(0, filled);
    },
    async skip(length) {
      let left = length;
      while (left > 0 && (await fill())) {
        const step = Math.min(left, chunk.length - at);
        left -= step;
        at += step;
      }
      return left === 0;
    },
    async drain() {
      while (await fill()) at = chunk.length;
    },
  };
}
