import { listTree, type TreeListing } from "../fs/index.ts";
import type { ReferencesGraph } from "../graph/index.ts";
import { BLOCK_SIZE, padding } from "../tar/index.ts";

/** What a header's name field holds; a longer name takes an extended header of two blocks and more before it. */
const NAME_LENGTH = 100;

/**
 * How many bytes of a layer each component takes, by id: its NAR size where the graph has it, and else what its files take
 * in a tar archive. Files with several names count each time, since that is how varve writes them.
 *
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `UNSUPPORTED_FILE`
 */
export function componentSizes(graph: ReferencesGraph): Map<string, number> {
  return new Map(
    [...graph.components.values()].map(({ id, path, narSize, nested }) => [
      id,
      narSize ?? treeBytes(listTree(path, { exclude: nested ?? [] }), id),
    ]),
  );
}

/**
 * How many bytes a tree takes in a tar archive in which it is at `place`: not where it is on this machine, since a plan
 * is the same on all of them.
 */
export function treeBytes({ names, sizes }: TreeListing, place: string): number {
  return names.reduce((sum, name, index) => {
    const length = place.length + 1 + name.length;
    const extended = length > NAME_LENGTH ? 2 * BLOCK_SIZE : 0;
    const size = sizes[index]!;
    return sum + extended + BLOCK_SIZE + size + padding(size);
  }, 0);
}
