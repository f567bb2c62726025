import type { DigestCache } from "#cache";
import { VarveError } from "#errors";
import {
  type KeptListings,
  type LayerRecipe,
  listTree,
  packedSize,
  type TreeItem,
  type TreeListing,
} from "#fs";
import type { ReferencesGraph } from "#graph";
import { isThere, type Placement } from "./placement.ts";

/** What sizes are counted with. The owner's names and the time matter only where they don't fit into a header. */
const USUAL: Pick<LayerRecipe, "owner" | "mtime" | "modes"> = {
  owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
  mtime: 1,
  modes: "keep",
};

/** Components' sizes, for strategies. */
export interface ComponentSizes {
  /** Bytes of a layer's tar, by id. */
  readonly sizes: ReadonlyMap<string, number>;
  /** The components whose files aren't on this machine, so that the size of their NAR is used instead. */
  readonly absent: readonly string[];
}

/** What components are counted with. */
export interface SizeOptions {
  readonly placement: Placement;
  /** Has the sizes of components that were counted before. */
  readonly cache: DigestCache | undefined;
  /** Gets what was listed, with its identity if there is a cache. */
  readonly listings?: KeptListings | undefined;
}

/**
 * How many bytes of a layer's tar each component takes where it is in the image. That follows from its files' names,
 * types and lengths, and so is the same on every machine. Only directories are read, and for
 * components with a NAR hash whose size the cache has not even these.
 * @throws VarveError what `listTree` throws; `NOT_FOUND` for a store path that isn't here and has no NAR size in the graph
 */
export async function componentSizes(
  graph: ReferencesGraph,
  { placement, cache, listings }: SizeOptions,
): Promise<ComponentSizes> {
  const absent: string[] = [];
  const sizes = new Map<string, number>();
  /** Those that a thread is listing. */
  const later: { readonly id: string; readonly items: readonly TreeItem[] }[] = [];
  for (const { id, path, narSize } of graph.components.values()) {
    const items = placement.trees(id);
    const [{ target, narHash, exclude = [] }] = items as [TreeItem];
    const key = narHash === undefined ? undefined : { narHash, target, exclude };
    let size = key && cache?.treeSize(key);
    if (size === undefined && narSize !== undefined && !isThere(path)) {
      absent.push(id);
      size = narSize;
    } else if (size === undefined) {
      if (graph.kind === "nix" && !isThere(path)) throw unknownSize(path);
      const identify = listings !== undefined && cache !== undefined && key === undefined;
      if (identify && items.some((item) => listings.ahead?.has(item))) later.push({ id, items });
      else size = bytesOf(items, { identify, listings });
      if (key !== undefined) cache?.putTreeSize(key, size!);
    }
    // A place is kept for those that come later.
    sizes.set(id, size ?? 0);
  }
  if (later.length > 0) {
    const listed = await listings!.ahead!.listings();
    for (const { id, items } of later) sizes.set(id, bytesOf(items, { identify: true, listings, listed }));
  }
  return { sizes, absent };
}

interface BytesOptions extends Pick<SizeOptions, "listings"> {
  readonly identify: boolean;
  /** Listings that a thread has made. */
  readonly listed?: (item: TreeItem) => TreeListing | undefined;
}

/** Where parts have the same names, this counts them twice. */
function bytesOf(items: readonly TreeItem[], { identify, listings, listed }: BytesOptions): number {
  return items.reduce((sum, item) => {
    const { source, exclude = [] } = item;
    const before = listings?.get(item);
    const listing = before ?? listed?.(item) ?? listTree(source, { exclude, identify });
    if (before === undefined) listings?.keep(item, listing);
    return sum + packedSize(USUAL, { item, listing });
  }, 0);
}

function unknownSize(path: string): VarveError {
  return new VarveError(
    "NOT_FOUND",
    `the references graph doesn't say how large ${path} is, and it isn't on this machine; write the graph with sizes (nix path-info --json --recursive), or take the strategy popularity, which needs none`,
  );
}
