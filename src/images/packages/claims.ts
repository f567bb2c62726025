/** Which files packages say are theirs. What they say may be wrong or a lie: it decides nothing but which layer a file is in. */
import type { RootTree } from "#flatten";

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

/** No system opens a longer path. */
const MAX_PATH_LENGTH = 4096;

/** Files by the packages that claim them; what is claimed twice is the first one's. */
export class Claims {
  readonly #tree: RootTree;
  readonly #owners = new Map<string, string>();
  /** Where folders really are, since packages name thousands of files in each. */
  readonly #folders = new Map<string, string | undefined>();

  constructor(tree: RootTree) {
    this.#tree = tree;
  }

  /** Notes that a package has a file; nothing is noted of directories, and of what isn't there or lies outside of the root. */
  claim(path: string, id: string): void {
    if (path.length > MAX_PATH_LENGTH) return;
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined || name === "..") return;
    const folder = this.#realFolder(parts.join("/"));
    if (folder === undefined) return;
    const real = folder === "" ? name : `${folder}/${name}`;
    const found = this.#tree.entry(real);
    // What packages know as a folder, such as /lib, is often a link that nobody has packed.
    if (folder === "" && found?.kind === "symlink") return;
    if (found === undefined || found.kind === "directory" || this.#owners.has(real)) return;
    this.#owners.set(real, id);
  }

  /** The package that has the file at a path of the root, without a slash in front. */
  ownerOf(path: string): string | undefined {
    return this.#owners.get(path);
  }

  #realFolder(path: string): string | undefined {
    if (!this.#folders.has(path)) this.#folders.set(path, this.#resolve(path));
    return this.#folders.get(path);
  }

  /** Follows links within the root; undefined if there is no such directory. */
  #resolve(path: string): string | undefined {
    const real: string[] = [];
    const rest = path.split("/").reverse();
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        real.pop();
        continue;
      }
      const node = this.#tree.get([...real, name].join("/"));
      if (node?.type === "symlink") {
        if (++links > MAX_LINKS) return undefined;
        const { target = "" } = node;
        if (target.startsWith("/")) real.length = 0;
        rest.push(...target.split("/").reverse());
      } else if (node?.type === "directory") {
        real.push(name);
      } else {
        return undefined;
      }
    }
    return real.join("/");
  }
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
