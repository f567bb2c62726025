import type { TarEntry } from "../tar/index.ts";

/** A tree of this machine's files, and where it is in the image. */
export interface TreeItem {
  readonly kind: "tree";
  /** Absolute path on this machine. */
  readonly source: string;
  /** Absolute path in the image. */
  readonly target: string;
  /** Paths below the source that are left out, with all that is in them. */
  readonly exclude?: readonly string[];
  /** The hash of the source's NAR serialisation, where it is known: it tells the content on any machine. */
  readonly narHash?: string;
}

/** An entry without content that no file stands for: a directory above the trees, a link. */
export interface EntryItem {
  readonly kind: "entry";
  readonly entry: Pick<TarEntry, "name" | "type" | "mode" | "linkname">;
}

/** Who owns every entry of a layer. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
}

/**
 * What a layer is made of, before a byte is read. Equal recipes over equal files give equal bytes: nothing else
 * goes in. It is plain data, so that it can go to another thread.
 */
export interface LayerRecipe {
  /** In the order of the archive. */
  readonly items: readonly (TreeItem | EntryItem)[];
  readonly owner: Ownership;
  /** Every entry's modification time, whole seconds since 1970. */
  readonly mtime: number;
  /**
   * `keep` takes permission bits from the files; `portable` reduces them to whether the owner may execute (0755
   * or 0644, directories 0755), for trees whose bits depend on the umask of whoever made them.
   */
  readonly modes: "keep" | "portable";
  /** The ids of the graph's components that the layer holds. */
  readonly components: readonly string[];
}
