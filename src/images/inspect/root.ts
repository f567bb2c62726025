/** An image's root with what is known of its files, and how paths lead through it. */
import { LayeredTree, pathOf, type RootEntry, type TreeNode } from "#flatten";
import type { TarEntry } from "#tar";
import type { FactEntry, FileFacts, LayerFacts } from "./facts/facts.ts";

/** Where a path leads. */
export type Resolved =
  | { readonly kind: "found"; readonly node: TreeNode; readonly path: string }
  /** `path` is the first that isn't there. */
  | { readonly kind: "missing"; readonly path: string }
  | { readonly kind: "circle" }
  /** To what is there only when a container runs. */
  | { readonly kind: "mounted" };

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

/** What runtimes put into each container, and where programs put things while they run. */
const MOUNTED = ["dev", "proc", "sys", "run", "var/run", "tmp", "var/tmp"];
const MOUNTED_FILES = ["etc/resolv.conf", "etc/hosts", "etc/hostname", "etc/mtab"];

export class ImageRoot {
  readonly tree = new LayeredTree();
  /** Of each layer, by its entries' positions. */
  readonly #files: Map<number, FileFacts>[] = [];
  /** Files and folders by all that is known of them but their names: there are few kinds, and very many of each. */
  readonly #alike = new Map<string, TarEntry>();
  readonly #mounted: string[];

  /** @param mounted absolute paths of what is mounted besides what every container has */
  constructor(mounted: readonly string[] = []) {
    this.#mounted = [...MOUNTED, ...MOUNTED_FILES, ...mounted.map((path) => path.replace(/^\/+|\/+$/g, ""))];
  }

  /**
   * Puts the next layer on top.
   * @throws VarveError as `LayeredTree.apply`
   */
  add(layer: LayerFacts, what: string): void {
    const files = new Map<number, FileFacts>();
    const index = this.#files.push(files) - 1;
    let position = 0;
    for (const known of layer) {
      const [name, , , , , facts] = known;
      if (facts !== undefined) files.set(position, facts);
      this.tree.apply(this.#entry(known), { layer: index, position, what }, name);
      position++;
    }
  }

  #entry([, type, mode, linkname, uid]: FactEntry): TarEntry {
    const key = `${type} ${mode} ${uid}`;
    const alike = linkname === "" ? this.#alike.get(key) : undefined;
    if (alike !== undefined) return alike;
    const entry = { name: "", type, mode, linkname, uid, size: 0, gid: 0, mtime: 0 };
    if (linkname === "") this.#alike.set(key, entry);
    return entry;
  }

  /** What is known of a file. */
  facts({ layer, position, kind }: RootEntry): FileFacts {
    return (kind === "file" ? this.#files[layer]?.get(position) : undefined) ?? {};
  }

  /** What is at a path; links are followed, the last one, too. */
  resolve(path: string, from: TreeNode = this.tree.root): Resolved {
    let node = path.startsWith("/") ? this.tree.root : from;
    const rest = partsOf(path);
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === "..") {
        node = node.parent ?? this.tree.root;
        continue;
      }
      const child = node.children?.get(name);
      if (child === undefined) {
        const missing = join(pathOf(node), name);
        return this.#isMounted([missing, ...rest.reverse()].join("/"))
          ? { kind: "mounted" }
          : { kind: "missing", path: missing };
      }
      if (child.root.kind !== "symlink") {
        node = child;
        continue;
      }
      if (++links > MAX_LINKS) return { kind: "circle" };
      const target = child.root.entry.linkname ?? "";
      if (target.startsWith("/")) node = this.tree.root;
      rest.push(...partsOf(target));
    }
    return { kind: "found", node, path: pathOf(node) };
  }

  /** The text of a file that is kept; undefined where there is none. */
  text(path: string): string | undefined {
    const found = this.resolve(path);
    return found.kind === "found" ? this.facts(found.node.root).text : undefined;
  }

  #isMounted(path: string): boolean {
    return this.#mounted.some((mounted) => path === mounted || path.startsWith(`${mounted}/`));
  }
}

/** A path's parts from its end. */
function partsOf(path: string): string[] {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .reverse();
}

function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
