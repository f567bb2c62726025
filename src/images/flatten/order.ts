/** In which order the entries of a flattened root come. */
import { compareNames } from "#util";
import { type DirectoryNode, isDirectory, type LayeredTree, pathOf, type TreeNode } from "./tree.ts";

export interface FlatOrder {
  /** All nodes, each once; the root only if a layer has an entry for it. */
  readonly nodes: readonly TreeNode[];
  /** For each node that is a hard link to an earlier node: that earlier node. */
  readonly links: ReadonlyMap<TreeNode, TreeNode>;
}

/**
 * Entries come by layer, and in a layer as it has them: so each layer has to be read only once more, however large it
 * is. Of a file's names the first by code point has the content, and the others follow it.
 *
 * A directory comes right before the first that is in it. But one in which something is made after something else was,
 * outside of it, comes at the end, the inner ones first: when GNU tar leaves a directory, it gives it its mode and time,
 * so what is made there later would change the time, or couldn't be made. It can't come in both places, since
 * the Docker Engine and Podman take no archive that has a path twice.
 */
export function flatOrder(tree: LayeredTree): FlatOrder {
  const wanted = [...tree.nodes()].filter((node) => node.parent !== undefined).sort(byPosition);
  const order = new Order();
  let first: TreeNode | undefined;
  for (const node of wanted) {
    // Whoever is in it brings it along.
    if (isDirectory(node) && node.children.size > 0) continue;
    order.add(node);
    if (node.root.kind === "directory" || node.root.kind === "symlink") continue;
    if (first?.root === node.root) order.links.set(node, first);
    else first = node;
  }
  const last = innerFirst(order.reopened);
  if (tree.root.root.implied !== true) last.push(tree.root);
  return { nodes: [...order.nodes.filter((node) => !order.reopened.has(node)), ...last], links: order.links };
}

/** A directory before others of its position; then by name, which tells those apart that have one root entry. */
function byPosition(a: TreeNode, b: TreeNode): number {
  return (
    a.root.layer - b.root.layer ||
    a.root.position - b.root.position ||
    Number(isDirectory(b)) - Number(isDirectory(a)) ||
    compareNames(pathOf(a), pathOf(b))
  );
}

class Order {
  readonly nodes: TreeNode[] = [];
  readonly links = new Map<TreeNode, TreeNode>();
  readonly reopened = new Set<TreeNode>();
  readonly #added = new Set<TreeNode>();
  /** The directory in which something was made last, and the directories above it. */
  #open = new Set<TreeNode>();
  #innermost: DirectoryNode | undefined;

  add(node: TreeNode): void {
    this.#enter(node.parent!);
    this.nodes.push(node);
    if (isDirectory(node)) {
      this.#added.add(node);
      this.#open.add(node);
      this.#innermost = node;
    }
  }

  #enter(folder: DirectoryNode): void {
    if (folder === this.#innermost) return;
    const chain = new Set<TreeNode>();
    for (let at: DirectoryNode | undefined = folder; at?.parent !== undefined; at = at.parent) chain.add(at);
    for (const at of [...chain].reverse()) {
      if (!this.#added.has(at)) {
        this.add(at);
      } else if (!this.#open.has(at) && (at === folder || (at.root.entry.mode & 0o100) === 0)) {
        // Passing through a directory needs only the permission to enter it.
        this.reopened.add(at);
      }
    }
    this.#open = chain;
    this.#innermost = folder;
  }
}

function innerFirst(nodes: ReadonlySet<TreeNode>): TreeNode[] {
  const paths = [...nodes].map((node) => ({ node, path: pathOf(node) }));
  return paths.sort((a, b) => compareNames(b.path, a.path)).map(({ node }) => node);
}
