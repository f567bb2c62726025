/** Reads what is installed in an image out of its layers. */
import { contentOf, LayeredTree, layerEntries, nameOf, type RootEntry } from "#flatten";
import type { Layer } from "#image";
import { MAX_DATABASE_FILE } from "../packages.ts";
import { inventoryOf, isInventoryPart } from "./inventory.ts";
import type { Inventory } from "./types.ts";

/** No real image has more in all files that say something of packages. */
const MAX_CONTENTS = 512 * 1024 * 1024;

export interface LayersInventoryOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lists what is installed in an image. Nothing is unpacked: each layer is read once, and again only where a file that says something
 * of packages has another name in its layer.
 * @throws VarveError what reading layers throws
 */
export async function layersInventory(
  layers: readonly Layer[],
  { signal }: LayersInventoryOptions = {},
): Promise<Inventory> {
  const tree = new LayeredTree();
  const kept = new Kept();
  for (const [index, layer] of layers.entries()) {
    const what = nameOf(layer, index);
    for await (const member of layerEntries(layer, { what, signal })) {
      const { entry, position } = member;
      tree.apply(entry, { layer: index, position, what });
      if (isInventoryPart(entry.name.replace(/^(?:\.?\/)+/, ""))) await kept.take(index, member);
    }
  }
  const wanted = new Map<string, RootEntry>();
  for (const [path, entry] of tree.entries()) {
    if (entry.kind === "file" && isInventoryPart(path)) wanted.set(path, entry);
  }
  const missing = [...wanted.values()].filter((entry) => entry.entry.size > 0 && !kept.has(entry));
  for (const [index, entries] of Map.groupBy(missing, ({ layer }) => layer)) {
    const positions = new Set(entries.map(({ position }) => position));
    for await (const member of layerEntries(layers[index]!, {
      what: nameOf(layers[index]!, index),
      signal,
    })) {
      if (positions.has(member.position)) await kept.take(index, member);
    }
  }
  const contents = [...wanted].flatMap(([path, entry]) => {
    const found = kept.get(entry);
    return found === undefined ? [] : [[path, found] as const];
  });
  return inventoryOf(tree, new Map(contents));
}

type Member = Parameters<typeof contentOf>[0] & {
  readonly position: number;
  readonly entry: RootEntry["entry"];
};

/** Contents of files by where they are in layers. */
class Kept {
  readonly #contents = new Map<string, Buffer>();
  #left = MAX_CONTENTS;

  async take(layer: number, member: Member): Promise<void> {
    const { size } = member.entry;
    if (size === 0 || size > MAX_DATABASE_FILE || size > this.#left) return;
    this.#left -= size;
    const chunks: Buffer[] = [];
    for await (const chunk of contentOf(member, size)) chunks.push(Buffer.from(chunk));
    this.#contents.set(`${layer} ${member.position}`, Buffer.concat(chunks));
  }

  has(entry: RootEntry): boolean {
    return this.get(entry) !== undefined;
  }

  get({ layer, position }: RootEntry): Buffer | undefined {
    return this.#contents.get(`${layer} ${position}`);
  }
}
