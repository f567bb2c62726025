/** Which files packages say are theirs. What they say may be wrong or a lie: it decides nothing but which layer a file is in. */
import type { RootTree } from "#flatten";
import { realPathIn } from "./real-path.ts";

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
    if (!this.#folders.has(path)) {
      const real = realPathIn(this.#tree, path);
      const isFolder = real === "" || (real !== undefined && this.#tree.get(real)?.type === "directory");
      this.#folders.set(path, isFolder ? real : undefined);
    }
    return this.#folders.get(path);
  }
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
