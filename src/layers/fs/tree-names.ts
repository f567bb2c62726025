/** The names of a tree's entries in columns. */

/**
 * Of each entry its own name, and the folder that it is in: a tree's paths repeat the names of its folders again and again. It is plain
 * data, which moves between threads as three pieces of memory, however many names there are.
 */
export interface TreeNames {
  /** The entries' own names, one right after the other; the root's is empty. */
  readonly text: string;
  /** Where in the text each name ends. */
  readonly ends: Uint32Array;
  /** The index of each entry's folder; the root is its own. */
  readonly folders: Uint32Array;
}

/**
 * Reads paths by their indexes: below the root, the root itself as `""`. It is quickest where those of one folder are asked for one
 * after the other.
 */
export function pathReader({ text, ends, folders }: TreeNames): (index: number) => string {
  let folder = 0;
  /** The path of that folder with a slash, but for the root. */
  let prefix = "";
  const read = (index: number): string => {
    if (index === 0) return "";
    const own = folders[index]!;
    if (own !== folder) {
      prefix = own === 0 ? "" : `${read(own)}/`;
      folder = own;
    }
    return prefix + text.slice(ends[index - 1], ends[index]);
  };
  return read;
}

/** A path as {@link pathReader} reads it, in the place of its root. */
export function pathIn(root: string, below: string): string {
  return below === "" ? root : `${root}/${below}`;
}

/** All paths in their order. */
export function pathsOf(names: TreeNames): string[] {
  const pathAt = pathReader(names);
  return Array.from(names.ends, (_, index) => pathAt(index));
}

/** How many characters each path has. */
export function pathLengths({ ends, folders }: TreeNames): Uint32Array {
  const lengths = new Uint32Array(ends.length);
  for (let index = 1; index < ends.length; index++) {
    const own = ends[index]! - ends[index - 1]!;
    const folder = folders[index]!;
    lengths[index] = folder === 0 ? own : lengths[folder]! + 1 + own;
  }
  return lengths;
}
