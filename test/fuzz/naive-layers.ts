/**
 * What layers make when they lie on each other, written down a second time and as plainly as can be: each layer is
 * unpacked by itself into a folder of its own, as into the upper folder of an overlay, and then the folders are laid
 * on each other. Everything is copied all the time.
 */

/** An entry of a layer, as far as it matters here. */
export interface NaiveEntry {
  readonly name: string;
  readonly kind: "directory" | "file" | "symlink" | "hardlink";
  readonly target?: string;
}

/** Something that has a place: from which layer it is and which of its entries. */
export interface NaiveNode {
  readonly kind: "directory" | "file" | "symlink";
  readonly target?: string;
  /** `LAYER/POSITION`; undefined for a directory that nobody wrote an entry for. */
  readonly origin?: string | undefined;
}

/** What one layer says of one path. */
interface Upper {
  node: NaiveNode | undefined;
  /** Nothing of what is below shows here: a whiteout, or something else stood here. */
  hides: boolean;
  /** What is below shows here, but nothing that is in it. */
  opaque: boolean;
}

export class Refused extends Error {}

/** A folder's contents, by path from the root; the root is "". */
export type NaiveTree = ReadonlyMap<string, NaiveNode>;

const MAX_LINKS = 40;

/** @throws Refused for layers that no runtime can lay on each other within a root */
export function naiveTree(layers: readonly (readonly NaiveEntry[])[]): NaiveTree {
  let below: NaiveTree = new Map([["", { kind: "directory" }]]);
  for (const [layer, entries] of layers.entries()) {
    const uppers = new Map<string, Upper>([
      ["", { node: { kind: "directory" }, hides: false, opaque: false }],
    ]);
    for (const [position, entry] of entries.entries())
      unpack(entry, { uppers, below, origin: `${layer}/${position}` });
    below = laidOn(below, uppers);
  }
  return below;
}

interface State {
  readonly uppers: Map<string, Upper>;
  readonly below: NaiveTree;
  readonly origin: string;
}

function unpack(entry: NaiveEntry, state: State): void {
  const parts = partsOf(entry.name);
  const last = parts.at(-1) ?? "";
  const folder = parts.slice(0, -1);
  const marked = folder.some((part) => part.startsWith(".wh."));
  if (last === ".wh..wh..opq" && !marked) {
    upperAt(enter(folder, state), state).opaque = true;
    return;
  }
  if (parts.some((part) => part.startsWith(".wh..wh."))) return;
  if (marked) throw new Refused("below a whiteout");
  if (last.startsWith(".wh.")) {
    const hidden = last.slice(".wh.".length);
    if (["", ".", ".."].includes(hidden)) throw new Refused("a whiteout of nothing");
    upperAt(join(enter(folder, state), hidden), state).hides = true;
    return;
  }
  const node = nodeOf(entry, state);
  if (parts.length === 0) {
    if (node.kind !== "directory") throw new Refused("a root that is no directory");
    state.uppers.get("")!.node = node;
    return;
  }
  const path = join(enter(folder, state), last);
  const upper = upperAt(path, state);
  if (node.kind !== "directory" || (upper.node !== undefined && upper.node.kind !== "directory")) {
    // Whatever was in it, in this layer or below, is gone.
    for (const other of [...state.uppers.keys()])
      if (other.startsWith(`${path}/`)) state.uppers.delete(other);
    upper.hides = true;
  }
  upper.node = node;
}

function nodeOf(entry: NaiveEntry, { uppers, below, origin }: State): NaiveNode {
  if (entry.kind !== "hardlink") {
    if (entry.kind === "symlink" && !entry.target) throw new Refused("a link to nowhere");
    return { kind: entry.kind, origin, ...(entry.kind === "symlink" ? { target: entry.target! } : {}) };
  }
  const found = lookUp(partsOf(entry.target ?? ""), laidOn(below, uppers));
  if (found === undefined || found.kind === "directory") throw new Refused("a link to no file");
  return found;
}

/** What is at a path of a whole tree, behind whatever links are on the way. */
function lookUp(parts: readonly string[], tree: NaiveTree): NaiveNode | undefined {
  let at = "";
  let rest = [...parts];
  for (let links = 0; rest.length > 0; ) {
    const [part, ...more] = rest as [string, ...string[]];
    rest = more;
    if (part === "..") {
      at = parentOf(at);
      continue;
    }
    const next = join(at, part);
    const node = tree.get(next);
    if (node === undefined) return undefined;
    if (node.kind === "symlink" && rest.length > 0) {
      if (++links > MAX_LINKS) throw new Refused("too many links");
      if (node.target!.startsWith("/")) at = "";
      rest = [...targetParts(node.target!), ...rest];
    } else {
      at = next;
    }
  }
  return tree.get(at);
}

/** Goes to a folder of the layer's own, making what isn't there and following what links it has. */
function enter(parts: readonly string[], state: State): string {
  let at = "";
  let rest = [...parts];
  for (let links = 0; rest.length > 0; ) {
    const [part, ...more] = rest as [string, ...string[]];
    rest = more;
    if (part === "..") {
      at = parentOf(at);
      continue;
    }
    const next = join(at, part);
    const upper = upperAt(next, state);
    upper.node ??= { kind: "directory" };
    if (upper.node.kind === "directory") {
      at = next;
    } else if (upper.node.kind === "symlink") {
      if (++links > MAX_LINKS) throw new Refused("too many links");
      if (upper.node.target!.startsWith("/")) at = "";
      rest = [...targetParts(upper.node.target!), ...rest];
    } else {
      throw new Refused("below a file");
    }
  }
  return at;
}

function upperAt(path: string, { uppers }: State): Upper {
  let upper = uppers.get(path);
  if (upper === undefined) {
    upper = { node: undefined, hides: false, opaque: false };
    uppers.set(path, upper);
  }
  return upper;
}

/** An overlay's view of what is below and one layer. */
function laidOn(below: NaiveTree, uppers: ReadonlyMap<string, Upper>): NaiveTree {
  const result = new Map<string, NaiveNode>();
  const visible = (path: string): boolean => {
    for (let at = path; ; at = parentOf(at)) {
      const upper = uppers.get(at);
      if (upper?.hides) return false;
      if (at !== path && upper?.opaque) return false;
      if (at !== path && upper?.node !== undefined && upper.node.kind !== "directory") return false;
      if (at === "") return true;
    }
  };
  for (const [path, node] of below) if (visible(path)) result.set(path, node);
  for (const [path, { node }] of uppers) {
    if (node === undefined) continue;
    const under = result.get(path);
    const keeps = node.kind === "directory" && node.origin === undefined && under?.kind === "directory";
    if (!keeps) result.set(path, node);
    if (node.kind === "directory" && under !== undefined && under.kind !== "directory") continue;
  }
  // What was in a folder of below that a file of this layer stands for now isn't reached any more.
  for (const path of [...result.keys()]) if (path !== "" && !isReached(path, result)) result.delete(path);
  return result;
}

function isReached(path: string, tree: NaiveTree): boolean {
  for (let at = parentOf(path); ; at = parentOf(at)) {
    if (tree.get(at)?.kind !== "directory") return false;
    if (at === "") return true;
  }
}

/** The parts of a name, where `a/..` is nothing whatever `a` is. */
function partsOf(name: string): string[] {
  const parts: string[] = [];
  for (const part of targetParts(name)) {
    if (part !== "..") parts.push(part);
    else if (parts.length === 0) throw new Refused("out of the root");
    else parts.pop();
  }
  return parts;
}

function targetParts(target: string): string[] {
  return target.split("/").filter((part) => part !== "" && part !== ".");
}

function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}
