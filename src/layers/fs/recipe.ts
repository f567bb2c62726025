import type { TarEntry } from "#tar";

/** A tree of files on this machine, and its place in the image. */
export interface TreeItem {
  readonly kind: "tree";
  /** Absolute path on this machine. */
  readonly source: string;
  /** Absolute path in the image. */
  readonly target: string;
  /** Paths below the source that are left out, with everything in them. */
  readonly exclude?: readonly string[];
  /** Replaces the recipe's `modes` for this tree. */
  readonly modes?: LayerRecipe["modes"];
  /** The hash of the source's NAR serialisation, if it is known: it identifies the content on any machine. */
  readonly narHash?: string;
}

/** What a single entry may set instead of the recipe. */
type OwnFields = Pick<
  TarEntry,
  "linkname" | "uid" | "gid" | "uname" | "gname" | "mtime" | "devmajor" | "devminor" | "pax"
>;

/** An entry that isn't made from a file on this machine: a directory above the trees, a link, a small file. */
export interface EntryItem {
  readonly kind: "entry";
  /** Absolute path in the image, type and mode; the other fields replace the recipe's. */
  readonly entry: Pick<TarEntry, "name" | "type" | "mode"> & Partial<OwnFields>;
  /** A regular file's content; it stays in memory while the image is built. */
  readonly content?: Uint8Array;
  /** Whether a directory is there only because something is in it, so that the base's own directory may stay as it is. */
  readonly implied?: boolean;
}

/** Who owns every entry of a layer. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
}

/** What is set differently for the paths that match. */
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
 * matters. It is plain data, so that it can be sent to another thread.
 */
export interface LayerRecipe {
  /** In the order of the archive. Of items with the same name the first one counts: see `joinItems`. */
  readonly items: readonly (TreeItem | EntryItem)[];
  readonly owner: Ownership;
  /** Every entry's modification time, whole seconds since 1970. */
  readonly mtime: number;
  /**
   * `keep` takes permission bits from the files; `portable` reduces them to whether the owner may execute (0755
   * or 0644, directories 0755), for trees whose bits depend on the umask of whoever made them.
   */
  readonly modes: "keep" | "portable";
  /** Applied to every entry; if several rules set the same field, the last one wins. */
  readonly permissions?: readonly PermissionRule[];
  /** Writes names that several items share once for each item, as nixpkgs' script does; few readers accept that. */
  readonly verbatim?: boolean;
  /** The ids of the graph's components in the layer. */
  readonly components: readonly string[];
}
