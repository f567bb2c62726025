import type { TarEntry } from "#tar";

/** A tree of this machine's files, and where it is in the image. */
export interface TreeItem {
  readonly kind: "tree";
  /** Absolute path on this machine. */
  readonly source: string;
  /** Absolute path in the image. */
  readonly target: string;
  /** Paths below the source that are left out, with all that is in them. */
  readonly exclude?: readonly string[];
  /** In place of the recipe's. */
  readonly modes?: LayerRecipe["modes"];
  /** The hash of the source's NAR serialisation, where it is known: it tells the content on any machine. */
  readonly narHash?: string;
}

/** What an entry of its own may say in place of the recipe. */
type OwnFields = Pick<
  TarEntry,
  "linkname" | "uid" | "gid" | "uname" | "gname" | "mtime" | "devmajor" | "devminor" | "pax"
>;

/** An entry that no file stands for: a directory above the trees, a link, a small file. */
export interface EntryItem {
  readonly kind: "entry";
  /** Absolute path in the image, type and mode; the rest takes the place of what the recipe says. */
  readonly entry: Pick<TarEntry, "name" | "type" | "mode"> & Partial<OwnFields>;
  /** A regular file's content; it stays in memory while the image is built. */
  readonly content?: Uint8Array;
  /** Whether a directory is there only for what is in it, so that one which a base has may stay as it is. */
  readonly implied?: boolean;
}

/** Who owns every entry of a layer. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
}

/** What is other than usual for the paths that match. */
export interface PermissionRule {
  /** Matches absolute paths in the image, without a slash at the end. */
  readonly path: RegExp;
  /** Permission bits, 0 to 0o7777; links have none. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Whole seconds since 1970. */
  readonly mtime?: number;
  /** The value of the attribute `security.capability`, as `util/names` holds bytes; only files get it. */
  readonly capabilities?: string;
}

/**
 * What a layer is made of, before a byte is read. Equal recipes over equal files give equal bytes: nothing else
 * goes in. It is plain data, so that it can go to another thread.
 */
export interface LayerRecipe {
  /** In the order of the archive. Of items with one name the first counts: see `joinItems`. */
  readonly items: readonly (TreeItem | EntryItem)[];
  readonly owner: Ownership;
  /** Every entry's modification time, whole seconds since 1970. */
  readonly mtime: number;
  /**
   * `keep` takes permission bits from the files; `portable` reduces them to whether the owner may execute (0755
   * or 0644, directories 0755), for trees whose bits depend on the umask of whoever made them.
   */
  readonly modes: "keep" | "portable";
  /** Applied to every entry; of several rules for one field the last wins. */
  readonly permissions?: readonly PermissionRule[];
  /** Writes what items have in common once for each, which few readers take: nixpkgs' script does so. */
  readonly verbatim?: boolean;
  /** The ids of the graph's components that the layer holds. */
  readonly components: readonly string[];
}
