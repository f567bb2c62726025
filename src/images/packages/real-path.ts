/** Where paths of a root really lead. */
import type { RootTree } from "#flatten";

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

/**
 * Follows links within a root, that of the last name, too.
 * @returns the path without a slash in front, or undefined if there is nothing, or something else than a folder on the way
 */
export function realPathIn(tree: RootTree, path: string): string | undefined {
  const real: string[] = [];
  const rest = path.split("/").reverse();
  let links = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      real.pop();
      continue;
    }
    const node = tree.get([...real, name].join("/"));
    if (node?.type === "symlink") {
      if (++links > MAX_LINKS) return undefined;
      const { target = "" } = node;
      if (target.startsWith("/")) real.length = 0;
      rest.push(...target.split("/").reverse());
    } else if (node?.type === "directory" || (node !== undefined && rest.every((each) => each === ""))) {
      real.push(name);
    } else {
      return undefined;
    }
  }
  return real.join("/");
}
