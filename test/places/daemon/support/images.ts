import assert from "node:assert/strict";
import { type ErrorCode, VarveError } from "#errors";
import { draftOf, type ImageDraft, type Layer, newConfig } from "#image";
import { digestOf, MediaType } from "#oci";
import { EntryType, encodeHeader, endOfArchive } from "#tar";
import { verified } from "#write";

/** A layer that says how often it was opened and closed, and reuses the memory of its chunks. */
export interface WatchedLayer extends Layer {
  readonly bytes: Buffer;
  opened: number;
  closed: number;
}

/** A layer of one file of `size` bytes; `step` is the size of its chunks. */
export function watchedLayer(size: number, step = 1000): WatchedLayer {
  const padded = Math.ceil(size / 512) * 512;
  const name = `file-of-${size}`;
  const header = encodeHeader({ name, type: EntryType.file, mode: 0o644, uid: 0, gid: 0, size, mtime: 0 });
  const content = Buffer.alloc(padded);
  for (let at = 0; at < size; at++) content[at] = (at * 7 + (at >> 8)) & 0xff;
  const bytes = Buffer.concat([header, content, endOfArchive(header.length + padded)]);
  const descriptor = { mediaType: MediaType.ociLayer, digest: digestOf(bytes), size: bytes.length };
  const layer: WatchedLayer = {
    bytes,
    opened: 0,
    closed: 0,
    descriptor,
    diffId: descriptor.digest,
    components: [],
    open: () => verified(chunks(), descriptor, name),
  };
  async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
    layer.opened++;
    const memory = [Buffer.alloc(step), Buffer.alloc(step)] as const;
    try {
      for (let at = 0, turn = 0; at < bytes.length; at += step, turn ^= 1) {
        const part = bytes.subarray(at, at + step);
        // What was handed out two chunks ago is gone now.
        memory[turn as 0 | 1].fill(0xee).set(part);
        yield memory[turn as 0 | 1].subarray(0, part.length);
      }
    } finally {
      layer.closed++;
    }
  }
  return layer;
}

/** An image of these layers. */
export function imageOf(layers: readonly Layer[], names: readonly string[] = []): ImageDraft {
  const config = newConfig(
    { architecture: "amd64", created: "1970-01-01T00:00:01Z", config: {}, baseHistory: [], baseLayers: 0 },
    layers,
  );
  return draftOf({ config, layers, names });
}

/** Checks that a promise fails with a VarveError of this code whose sentence has these words. */
export async function fails(promise: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof VarveError, String((error as Error).stack));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  });
}
