/** An image's root, with the contents of its files at hand. */
import { contentOf, LayeredTree, layerEntries, nameOf, type RootEntry } from "#flatten";
import type { Layer } from "#image";
import { hasContent } from "#tar";
import type { SpoolLimit } from "#util";
import type { Contents, PassingContent } from "./contents.ts";

export interface ReadRootOptions extends SpoolLimit {
  /** How many of the layers are the base's. */
  readonly baseLayers: number;
  readonly contents: Contents;
  readonly signal?: AbortSignal | undefined;
}

export interface ReadRoot {
  readonly tree: LayeredTree;
  /** What the base's layers make, by path; empty without a base. */
  readonly base: ReadonlyMap<string, RootEntry>;
}

/**
 * Reads an image's layers, each once, and keeps the contents of those that aren't the base's.
 * @throws VarveError what reading layers throws, and keeping contents
 */
export async function readRoot(
  layers: readonly Layer[],
  { baseLayers, contents, signal, maxSpool }: ReadRootOptions,
): Promise<ReadRoot> {
  const tree = new LayeredTree();
  let base: ReadonlyMap<string, RootEntry> = new Map();
  const passing = async function* (): AsyncGenerator<PassingContent, void, void> {
    for (const [index, layer] of layers.entries()) {
      const what = nameOf(layer, index);
      for await (const member of layerEntries(layer, { what, signal })) {
        const { entry, position } = member;
        tree.apply(entry, { layer: index, position, what });
        if (index < baseLayers || entry.size === 0 || !hasContent(entry.type)) continue;
        yield { layer: index, position, size: entry.size, chunks: contentOf(member, entry.size) };
      }
      if (index + 1 === baseLayers) base = new Map(tree.entries());
    }
  };
  await contents.keep(passing(), { what: "the image's root file system", maxSpool });
  return { tree, base };
}

/**
 * Keeps some contents of layers that were read before: a file of the base that has got another name is in the new layers whole.
 * @throws VarveError what reading layers throws, and keeping contents
 */
export async function keepMore(
  layers: readonly Layer[],
  entries: readonly RootEntry[],
  { contents, signal, maxSpool }: Omit<ReadRootOptions, "baseLayers">,
): Promise<void> {
  const byLayer = Map.groupBy(entries, ({ layer }) => layer);
  const passing = async function* (): AsyncGenerator<PassingContent, void, void> {
    for (const [index, wanted] of byLayer) {
      const layer = layers[index]!;
      const positions = new Set(wanted.map(({ position }) => position));
      for await (const member of layerEntries(layer, { what: nameOf(layer, index), signal })) {
        const { entry, position } = member;
        if (!positions.has(position)) continue;
        yield { layer: index, position, size: entry.size, chunks: contentOf(member, entry.size) };
      }
    }
  };
  await contents.keep(passing(), { what: "the image's root file system", maxSpool });
}
