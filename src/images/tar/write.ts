import { VarveError } from "#errors";
import { encodeHeader, endOfArchive } from "./encode.ts";
import { padding, type TarEntry } from "./entry.ts";

/** An entry to write, and its content where it has some. */
export interface TarInputMember {
  readonly entry: TarEntry;
  readonly content?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * The bytes of an archive with these members, its end marker included. Chunks of content are passed on as they
 * are, so they keep whatever rule their memory has.
 * @throws VarveError `SIZE_MISMATCH` when a content isn't as long as its entry says
 */
export async function* writeTar(
  members: AsyncIterable<TarInputMember> | Iterable<TarInputMember>,
): AsyncGenerator<Uint8Array, void, void> {
  let total = 0;
  for await (const { entry, content } of members) {
    const header = encodeHeader(entry);
    yield header;
    let size = 0;
    for await (const chunk of content ?? []) {
      size += chunk.length;
      yield chunk;
    }
    if (size !== entry.size) {
      throw new VarveError("SIZE_MISMATCH", `${entry.name} should have ${entry.size} bytes, but has ${size}`);
    }
    const fill = padding(size);
    if (fill > 0) yield Buffer.alloc(fill);
    total += header.length + size + fill;
  }
  yield endOfArchive(total);
}
