/** Folders with a layer, as a conf's `customisation_layer` names one: `layer.tar`, and `checksum` with its SHA-256. */
import { createReadStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readError, writeError } from "#errors";
import { type LayerRecipe, listRecipe, packLayer } from "#fs";
import { Digester, hashed, hexOf } from "#oci";
import { endOfArchive, padding, readTar, streamInput } from "#tar";
import { CHUNK_SIZE, writeFileAtomically } from "#util";
import type { StreamConf } from "./conf.ts";
import { storeLayerRecipe } from "./store-layer.ts";

/**
 * Writes a layer's bytes to a folder, which is made.
 * @throws VarveError `UNWRITABLE`; and whatever the bytes throw
 */
export async function writeLayerFolder(folder: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const digester = new Digester();
  try {
    await mkdir(folder, { recursive: true });
    await writeFileAtomically(join(folder, "layer.tar"), hashed(bytes, digester));
    await writeFile(join(folder, "checksum"), `${hexOf(digester.digest())}\n`);
  } catch (error) {
    throw writeError(folder, error);
  }
}

/**
 * The bytes of the layer in `folder`, followed by store paths that belong to root, as dockerTools' `buildImage` has them in one layer.
 * @throws VarveError what reading and packing throw; `OUTSIDE_STORE`
 */
export async function* withStorePaths(
  folder: string,
  paths: readonly string[],
  conf: Pick<StreamConf, "storeDir" | "mtime">,
): AsyncGenerator<Uint8Array, void, void> {
  const path = join(folder, "layer.tar");
  const { names, end } = await contentsOf(path);
  let total = 0;
  if (end > 0) {
    for await (const chunk of reading(path, end)) {
      yield chunk;
      total += chunk.length;
    }
  }
  const owner = { uid: 0, gid: 0, uname: "root", gname: "root" };
  const whole = storeLayerRecipe(paths, { ...conf, owner });
  // Names that the layer has already are left out, since they stay as they are in the layer.
  const items = whole.items.filter(
    (item) => !names.has(item.kind === "tree" ? item.target : item.entry.name),
  );
  for (const chunk of packed({ ...whole, items })) {
    yield chunk;
    total += chunk.length;
  }
  yield endOfArchive(total);
}

/** A recipe's bytes without the end of the archive, which is the last chunk. */
function* packed(recipe: LayerRecipe): Generator<Uint8Array, void, void> {
  let last: Uint8Array | undefined;
  // One buffer more than usual, since one chunk is kept back.
  const buffers = [1, 2, 3].map(() => Buffer.allocUnsafeSlow(CHUNK_SIZE));
  for (const chunk of packLayer(recipe, { buffers, listings: listRecipe(recipe) })) {
    if (last !== undefined) yield last;
    last = chunk;
  }
}

/** The names in an archive as absolute paths, and where its last member ends. */
async function contentsOf(path: string): Promise<{ names: Set<string>; end: number }> {
  const names = new Set<string>();
  let end = 0;
  for await (const { entry, offset } of readTar(streamInput(reading(path)), path)) {
    names.add(`/${entry.name.replace(/^\.?\/+/, "").replace(/\/+$/, "")}`);
    end = offset + entry.size + padding(entry.size);
  }
  return { names, end };
}

async function* reading(path: string, length?: number): AsyncGenerator<Uint8Array, void, void> {
  const range = length === undefined ? {} : { end: length - 1 };
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK_SIZE, ...range });
  } catch (error) {
    throw readError(path, error);
  }
}
