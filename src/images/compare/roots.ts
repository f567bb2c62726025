/** Whether two images have the same root file system, whatever layers it is in. */
import { createHash, hash } from "node:crypto";
import {
  flatEntry,
  isDirectory,
  LayeredTree,
  layerEntries,
  nameOf,
  pathOf,
  type RootEntry,
  type TreeNode,
} from "#flatten";
import type { Layer } from "#image";
import { hasContent } from "#tar";
import { compareNames } from "#util";

/** What can differ at a path that both roots have. */
export type RootAspect =
  | "type"
  | "content"
  | "link"
  | "hard links"
  | "mode"
  | "owner"
  | "mtime"
  | "attributes";

/** A path at which two roots differ. */
export interface RootDifference {
  /** From the root, without a slash in front; `.` for the root itself. */
  readonly path: string;
  /** Whether the second root alone has it, or the first. */
  readonly change: "added" | "removed" | "changed";
  /** What is another there, if both have it. */
  readonly aspects: readonly RootAspect[];
}

/** How two roots compare. */
export interface RootComparison {
  /** In the order of paths. */
  readonly differences: readonly RootDifference[];
  /** How many paths the roots have. */
  readonly paths: readonly [before: number, now: number];
}

/** Contents up to this size are read at once, in bytes. */
const PIECE = 1024 * 1024;

/**
 * Compares the roots that two images' layers make, path by path: types, contents, links, hard links, modes, owners, times and
 * extended attributes. Each layer is read once.
 * @throws VarveError what reading layers throws
 */
export async function compareRoots(
  before: readonly Layer[],
  now: readonly Layer[],
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<RootComparison> {
  const [a, b] = [await rootFacts(before, signal), await rootFacts(now, signal)];
  const differences: RootDifference[] = [];
  for (const [path, facts] of a) {
    const others = b.get(path);
    if (others === undefined) differences.push({ path, change: "removed", aspects: [] });
    else {
      const aspects = ASPECTS.filter((aspect) => facts[aspect] !== others[aspect]);
      if (aspects.length > 0) differences.push({ path, change: "changed", aspects });
    }
  }
  for (const path of b.keys()) if (!a.has(path)) differences.push({ path, change: "added", aspects: [] });
  differences.sort((x, y) => compareNames(x.path, y.path));
  return { differences, paths: [a.size, b.size] };
}

const ASPECTS: readonly RootAspect[] = [
  ...(["type", "content", "link", "hard links", "mode", "owner", "mtime", "attributes"] as const),
];

type Facts = Readonly<Record<RootAspect, string | number>>;

async function rootFacts(
  layers: readonly Layer[],
  signal: AbortSignal | undefined,
): Promise<Map<string, Facts>> {
  const tree = new LayeredTree();
  const contents: Map<number, string>[] = [];
  for (const [layer, each] of layers.entries()) {
    const what = nameOf(each, layer);
    const hashes = new Map<number, string>();
    contents.push(hashes);
    for await (const { entry, position, read } of layerEntries(each, { what, signal })) {
      tree.apply(entry, { layer, position, what });
      if (hasContent(entry.type) && entry.size > 0) hashes.set(position, await digestOf(read, entry.size));
    }
  }
  const firstNames = new Map<RootEntry, string>();
  const nodes = [...tree.nodes()].map((node) => ({ node, path: pathOf(node) }));
  for (const { node, path } of nodes) {
    const first = firstNames.get(node.root);
    if (first === undefined || compareNames(path, first) < 0) firstNames.set(node.root, path);
  }
  const facts = nodes.map(({ node, path }): [string, Facts] => {
    const { kind, layer, position } = node.root;
    const content = kind === "file" ? (contents[layer]!.get(position) ?? "") : "";
    // Symbolic links with several names are as good as several.
    const isLinked = !isDirectory(node) && kind !== "symlink";
    return [path || ".", factsOf(node, { content, first: isLinked ? firstNames.get(node.root)! : "" })];
  });
  return new Map(facts);
}

function factsOf(node: TreeNode, { content, first }: { content: string; first: string }): Facts {
  const { mode, uid, gid, uname, gname, mtime, linkname, devmajor, devminor, pax } = flatEntry(node, {});
  const { kind } = node.root;
  const isDevice = kind === "block-device" || kind === "character-device";
  const others = [...(pax ?? [])].filter(([key]) => key !== "mtime").sort();
  return {
    type: kind,
    content: isDevice ? `${devmajor}:${devminor}` : content,
    link: kind === "symlink" ? linkname! : "",
    "hard links": first,
    mode,
    owner: `${uid}:${gid} ${uname}:${gname}`,
    mtime,
    attributes: others.length === 0 ? "" : JSON.stringify(others),
  };
}

async function digestOf(read: (length: number) => Promise<Uint8Array>, size: number): Promise<string> {
  if (size <= PIECE) return hash("sha256", await read(size), "base64");
  const digester = createHash("sha256");
  for (let left = size; left > 0; ) {
    const piece = await read(Math.min(left, PIECE));
    digester.update(piece);
    left -= piece.length;
  }
  return digester.digest("base64");
}
