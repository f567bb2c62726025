/** Keeps the layer's bytes in a file until they are written into an image. */
import { open } from "node:fs/promises";
import { writeError } from "#errors";
import { type Digest, Digester } from "#oci";
import { CHUNK_SIZE, readChunks, writeChunks } from "#util";
import { verified } from "#write";

/** Writes chunks to a new file. */
export async function spoolTo(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly diffId: Digest; readonly size: number }> {
  const digester = new Digester();
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    throw writeError(path, error);
  });
  try {
    await writeChunks(file.fd, gathered(chunks, digester), path);
  } finally {
    await file.close();
  }
  return { size: digester.size, diffId: digester.digest() };
}

/** Joins small pieces, since each would cost a write. */
async function* gathered(
  chunks: AsyncIterable<Uint8Array>,
  digester: Digester,
): AsyncGenerator<Uint8Array, void, void> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of chunks) {
    digester.update(piece);
    pieces.push(piece);
    size += piece.length;
    if (size < CHUNK_SIZE / 4) continue;
    yield pieces.length === 1 ? piece : Buffer.concat(pieces, size);
    pieces = [];
    size = 0;
  }
  yield Buffer.concat(pieces, size);
}

/** Reads the file, and checks that it is what was written. */
export async function* readSpool(
  path: string,
  expected: { readonly diffId: Digest; readonly size: number },
): AsyncGenerator<Uint8Array, void, void> {
  yield* verified(
    readChunks(path),
    { digest: expected.diffId, size: expected.size },
    "the layer that scripts made",
  );
}
