/** Merges trees of names into the image's root, before that becomes a layer's items. */

/** A directory that is made anew. */
export interface Directory {
  readonly kind: "directory";
  readonly children: Map<string, Node>;
  /** Permission bits; undefined for one that is there only because something is in it. */
  readonly mode?: number;
  /** What the directory comes from, for notes. */
  readonly from: string;
  /** The directory on this machine of which this is a copy; undefined as soon as one of its names has been changed. */
  copyOf?: string | undefined;
}

export interface Link {
  readonly kind: "link";
  readonly text: string;
  readonly from: string;
  /** The directory that the link leads to, ready to be merged; undefined if it doesn't lead to one. */
  readonly open?: () => Directory | undefined;
  /** Whether the link stays, so that what another tree has in its place goes to where it leads. */
  readonly keep?: boolean;
}

export interface File {
  readonly kind: "file";
  readonly from: string;
  /** A path of this machine, or the content itself. */
  readonly data: { readonly source: string } | { readonly content: Uint8Array; readonly mode: number };
}

export type Node = Directory | Link | File;

/** How many links the kernel follows in one path. */
const MAX_LINKS = 40;

export function newDirectory(
  from: string,
  fields: Partial<Pick<Directory, "mode" | "copyOf">> = {},
): Directory {
  return { kind: "directory", children: new Map(), from, ...fields };
}

/** A root into which trees are merged. If a name occurs twice, the first one wins, unless both can be directories. */
export class MergedRoot {
  readonly root: Directory = newDirectory("the image's root");
  /** One sentence for each name that was lost. */
  readonly notes: string[] = [];
  readonly #taken: "first" | "last";
  /** Directories that go to where the link in their place leads. */
  #waiting: { readonly path: string; readonly directory: Directory; readonly first: boolean }[] = [];

  /** @param taken what notes say of the one that wins: the last one was merged first where the trees came in reverse */
  constructor(taken: "first" | "last" = "first") {
    this.#taken = taken;
  }

  /** Merges a tree's names into the root. */
  add(tree: Directory): void {
    this.#mergeAll(this.root, tree, "");
  }

  /** Moves what was in the place of a kept link to where the link leads. To be called after all trees have been merged. */
  settle(): void {
    // What is merged here may meet further links.
    for (let rounds = 0; this.#waiting.length > 0; rounds++) {
      // What lies in a folder that is moved, too, is found when that has its place.
      const waiting = this.#waiting.sort((a, b) => depthOf(a.path) - depthOf(b.path));
      this.#waiting = [];
      for (const each of waiting) this.#settleOne(each, rounds < MAX_LINKS);
    }
  }

  /** Makes directories of the links at which `wanted` says so, where they lead to some. */
  openLinks(wanted: (path: string) => boolean): void {
    const visit = (directory: Directory, path: string): void => {
      for (const [name, node] of directory.children) {
        const below = `${path}/${name}`;
        let now = node;
        if (node.kind === "link" && wanted(below)) {
          now = node.open?.() ?? node;
          directory.children.set(name, now);
          if (now !== node) directory.copyOf = undefined;
        }
        if (now.kind === "directory") visit(now, below);
      }
    };
    visit(this.root, "");
  }

  #mergeAll(into: Directory, from: Directory, path: string): void {
    for (const [name, node] of from.children) this.#merge(into, { name, node, path: `${path}/${name}` });
  }

  #merge(into: Directory, { name, node, path }: { name: string; node: Node; path: string }): void {
    const present = into.children.get(name);
    if (present === undefined) {
      into.children.set(name, node);
      return;
    }
    if (present.kind === "link" && node.kind === "link" && present.text === node.text) return;
    const first = asDirectory(present);
    const second = first && asDirectory(node);
    if (first === undefined || second === undefined) {
      this.notes.push(
        `${path} is in both ${this.#taken === "first" ? present.from : node.from} and ${this.#taken === "first" ? node.from : present.from}; the ${this.#taken} is taken`,
      );
    } else if (present.kind === "link" && present.keep) {
      this.#waiting.push({ path, directory: second, first: false });
    } else if (node.kind === "link" && node.keep) {
      into.children.set(name, node);
      this.#waiting.push({ path, directory: first, first: true });
    } else {
      into.children.set(name, this.#union({ first, second, path }));
    }
  }

  #union({ first, second, path }: { first: Directory; second: Directory; path: string }): Directory {
    const mode = first.mode ?? second.mode;
    const union: Directory = {
      ...newDirectory(first.from, mode === undefined ? {} : { mode }),
      children: new Map(first.children),
    };
    this.#mergeAll(union, second, path);
    return union;
  }

  #settleOne(
    { path, directory, first }: { path: string; directory: Directory; first: boolean },
    follow: boolean,
  ): void {
    const place = follow ? findDirectory(this.root, path) : undefined;
    if (place === undefined) {
      // It leads out of the root, where nothing can be added: then it can't stay a link.
      const [parent, name] = [
        findDirectory(this.root, path.slice(0, path.lastIndexOf("/"))),
        path.slice(path.lastIndexOf("/") + 1),
      ];
      const opened = asDirectory(parent!.children.get(name)!)!;
      const both = first ? { first: directory, second: opened } : { first: opened, second: directory };
      parent!.children.set(name, this.#union({ ...both, path }));
      parent!.copyOf = undefined;
      return;
    }
    place.copyOf = undefined;
    if (first) {
      const before: Directory = { ...place, children: new Map(place.children) };
      place.children.clear();
      for (const [name, node] of directory.children) place.children.set(name, node);
      this.#mergeAll(place, before, path);
    } else {
      this.#mergeAll(place, directory, path);
    }
  }
}

function depthOf(path: string): number {
  return path.split("/").length;
}

function asDirectory(node: Node): Directory | undefined {
  return node.kind === "directory" ? node : node.kind === "link" ? node.open?.() : undefined;
}

/** The directory at a path, links followed; undefined if there is none in the root. */
function findDirectory(root: Directory, path: string): Directory | undefined {
  const rest = path.split("/").filter((part) => part !== "");
  const above: Directory[] = [root];
  for (let links = 0; rest.length > 0; ) {
    const part = rest.shift()!;
    if (part === ".") continue;
    if (part === "..") {
      if (above.length > 1) above.pop();
      continue;
    }
    const node = above.at(-1)!.children.get(part);
    if (node?.kind === "directory") {
      above.push(node);
    } else if (node?.kind === "link" && ++links <= MAX_LINKS) {
      if (node.text.startsWith("/")) above.length = 1;
      rest.unshift(...node.text.split("/").filter((each) => each !== ""));
    } else {
      return undefined;
    }
  }
  return above.at(-1);
}
