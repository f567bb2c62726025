/** Reports how many bytes have passed since the beginning. */
export async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  tell: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let passed = 0;
  for await (const chunk of chunks) {
    yield chunk;
    passed += chunk.length;
    tell?.(passed);
  }
}

/** Cuts a stream into parts of exactly `size` bytes, except for the last one. Each part is valid until the next is asked for. */
export async function* parts(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  const part = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      const count = Math.min(size - filled, chunk.length - taken);
      part.set(chunk.subarray(taken, taken + count), filled);
      filled += count;
      taken += count;
      if (filled === size) {
        yield part;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
