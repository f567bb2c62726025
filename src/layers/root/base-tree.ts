/** Paths in a base image. */

export interface BaseEntry {
  readonly type: "directory" | "file" | "symlink" | "other";
  /** What a link says. */
  readonly target?: string;
  /** Permission bits and owners, where they are known. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly gname?: string;
}

/** The tree of a base image. */
export interface BaseTree {
  /** What is at an absolute path, without following links in it; undefined if nothing is there. */
  get(path: string): BaseEntry | undefined;
}

export interface Resolved {
  /** The path without links; it never leads out of the root. */
  readonly path: string;
  /** What is there; undefined if it isn't there, but could be made. */
  readonly entry: BaseEntry | undefined;
}

/** How many links the kernel follows in one path. */
const MAX_LINKS = 40;

/**
 * Follows every link in a path, also the last one. Absolute targets begin at the image's root, and `..` ends there.
 * Missing parts of the path count as directories that could be made.
 * @returns undefined if a link leads in a circle, or a part of the path isn't a directory
 */
export function resolveInBase(base: BaseTree, path: string): Resolved | undefined {
  const rest = partsOf(path);
  let done: string[] = [];
  let entry: BaseEntry | undefined = base.get("/") ?? { type: "directory" };
  for (let links = 0; rest.length > 0; ) {
    const part = rest.shift()!;
    if (part === ".") continue;
    if (entry !== undefined && entry.type !== "directory") return undefined;
    if (part === "..") {
      done.pop();
      entry = done.length === 0 ? { type: "directory" } : base.get(`/${done.join("/")}`);
      continue;
    }
    const found = base.get(`/${[...done, part].join("/")}`);
    if (found?.type === "symlink" && found.target !== undefined) {
      if (++links > MAX_LINKS) return undefined;
      if (found.target.startsWith("/")) {
        done = [];
        entry = { type: "directory" };
      }
      rest.unshift(...partsOf(found.target));
    } else {
      done.push(part);
      entry = found;
    }
  }
  return { path: `/${done.join("/")}`, entry };
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}
