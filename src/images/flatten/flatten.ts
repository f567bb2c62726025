/** An image's root file system, found in its layers without unpacking them. */

import { decompress } from "#compress";
import { cancelled, VarveError } from "#errors";
import type { Layer } from "#image";
import { algorithmOf, Digester, layerCompression } from "#oci";
import { readLayerTar, streamInput, type TarEntry } from "#tar";
import type { RootTree } from "./root-entry.ts";
import { LayeredTree } from "./tree.ts";

export interface FlattenOptions {
  readonly signal?: AbortSignal | undefined;
}

/** An entry of a layer; its content may be read before the next one is asked for. */
export interface LayerEntry {
  readonly entry: TarEntry;
  /** Counted from 0. */
  readonly position: number;
  read(length: number, into?: Uint8Array): Promise<Uint8Array>;
}

/**
 * The tree that an image's layers make, from the bottom up. Each layer is read once, and checked against its digest and
 * its diff ID as it passes. Some hundred bytes are kept of each entry.
 * @throws VarveError `INVALID_IMAGE` for an entry that has no meaning within the root; `INVALID_TAR`, `DIGEST_MISMATCH`,
 *   `UNSUPPORTED_COMPRESSION`, `TOO_LARGE`; and what opening the layers throws
 */
export async function flattenedTree(
  layers: readonly Layer[],
  options: FlattenOptions = {},
): Promise<RootTree> {
  return await layeredTree(layers, options);
}

/** The same as a tree of nodes. */
export async function layeredTree(
  layers: readonly Layer[],
  { onLayer, signal }: FlattenOptions & { onLayer?: (index: number) => void },
): Promise<LayeredTree> {
  const tree = new LayeredTree();
  for (const [index, layer] of layers.entries()) {
    const what = nameOf(layer, index);
    for await (const { entry, position } of layerEntries(layer, { what, signal })) {
      tree.apply(entry, { layer: index, position, what });
    }
    onLayer?.(index);
  }
  return tree;
}

/** What errors call a layer. */
export function nameOf(layer: Layer, index: number): string {
  return `layer ${index + 1} (${layer.descriptor.digest})`;
}

/**
 * A layer's entries in their order. When all of them have been read, the whole layer has been checked, including what follows
 * the archive's end.
 */
export async function* layerEntries(
  layer: Layer,
  { what, signal }: { what: string; signal: AbortSignal | undefined },
): AsyncGenerator<LayerEntry, void, void> {
  const { chunks, check } = plainLayer(layer, { what, signal });
  try {
    const input = streamInput(chunks);
    let position = 0;
    for await (const { entry, read } of readLayerTar(input, what))
      yield { entry, position: position++, read };
    await input.drain();
  } finally {
    await chunks.return();
  }
  check();
}

/** A layer without its compression, as it is read. */
export interface PlainLayer {
  readonly chunks: AsyncGenerator<Uint8Array, void, void>;
  /**
   * To be called after the last chunk.
   * @throws VarveError `DIGEST_MISMATCH` if they weren't what the diff ID says
   */
  check(): void;
}

/**
 * Opens a layer.
 * @throws VarveError `UNSUPPORTED_COMPRESSION`
 */
export function plainLayer(
  layer: Layer,
  { what, signal }: { what: string; signal: AbortSignal | undefined },
): PlainLayer {
  const { mediaType, digest } = layer.descriptor;
  const algorithm = layerCompression(mediaType);
  if (algorithm === undefined) {
    throw new VarveError(
      "UNSUPPORTED_COMPRESSION",
      `${what} has the media type ${mediaType}, which is no layer's that varve reads`,
    );
  }
  // What opens a layer checks its digest, which is the diff ID of one that isn't compressed.
  const digester =
    algorithm === "none" && digest === layer.diffId ? undefined : new Digester(algorithmOf(layer.diffId));
  const observed = async function* () {
    for await (const chunk of decompress(layer.open(signal), { algorithm, what })) {
      if (signal?.aborted) throw cancelled(`reading ${what}`);
      digester?.update(chunk);
      yield chunk;
    }
  };
  return {
    chunks: observed(),
    check() {
      const actual = digester?.digest() ?? digest;
      if (actual === layer.diffId) return;
      throw new VarveError(
        "DIGEST_MISMATCH",
        `${what} should have the diff ID ${layer.diffId}, but has ${actual}`,
      );
    },
  };
}
