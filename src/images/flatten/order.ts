/** In which order the entries of a flattened root come. */
import { compareNames } from "#util";
import { type DirectoryNode, isDirectory, type LayeredTree, pathOf, type TreeNode } from "./tree.ts";

export interface FlatOrder {
  /** All nodes, each directory before what is in it; the root only if a layer has an entry for it. */
  readonly nodes: readonly TreeNode[];
  /** For those that are hard links to a node that came before: that node. */
  readonly links: ReadonlyMap<TreeNode, TreeNode>;
  /**
   * Directories in which something is made after something else was, outside of them; the inner ones first. GNU tar
   * has given them their mode and time by then, so that those have to be given again.
   */
  readonly reopened: ReadonlySet<TreeNode>;
}

/**
 * Entries come by layer, and in a layer as it has them: so each layer has to be read only once more, however large it
 * is. Directories come when something in them does, or at their own place if that is before. Of a file's
 * names the first by code point has the content, and the others follow it.
 */
export function flatOrder(tree: LayeredTree): FlatOrder {
  const wanted = [...tree.nodes()].filter((node) => node.parent !== undefined).sort(byPosition);
  const order = new Order();
  if (tree.root.root.implied !== true) order.add(tree.root);
  let first: TreeNode | undefined;
  for (const node of wanted) {
    order.add(node);
    if (node.root.kind === "directory" || node.root.kind === "symlink") continue;
    if (first?.root === node.root) order.links.set(node, first);
    else first = node;
  }
  if (order.nodes[0] === tree.root && wanted.length > 0) order.reopened.add(tree.root);
  return { nodes: order.nodes, links: order.links, reopened: innerFirst(order.reopened) };
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
  /** The directory in which something was made last, and those around it. */
  #open = new Set<TreeNode>();
  #innermost: DirectoryNode | undefined;

  add(node: TreeNode): void {
    if (this.#added.has(node)) return;
    if (node.parent !== undefined) this.#enter(node.parent);
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
        // Whoever only passes through needs no more than to be let in.
        this.reopened.add(at);
      }
    }
    this.#open = chain;
    this.#innermost = folder;
  }
}

function innerFirst(nodes: ReadonlySet<TreeNode>): Set<TreeNode> {
  const paths = [...nodes].map((node) => ({ node, path: pathOf(node) }));
  return new Set(paths.sort((a, b) => compareNames(b.path, a.path)).map(({ node }) => node));
}
