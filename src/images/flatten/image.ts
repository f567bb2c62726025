/** An image's root file system as one tar archive. */
import { VarveError } from "#errors";
import type { Layer } from "#image";
import { EntryType, type TarEntry, type TarInputMember, writeTar } from "#tar";
import { CHUNK_SIZE } from "#util";
import { type FlattenOptions, type LayerEntry, layerEntries, layeredTree, nameOf } from "./flatten.ts";
import { type FlatOrder, flatOrder } from "./order.ts";
import type { RootEntryKind } from "./root-entry.ts";
import { pathOf, type TreeNode } from "./tree.ts";

export interface FlattenImageOptions extends FlattenOptions {
  /** The time of all entries, in seconds since 1970; by default each keeps its own. */
  readonly mtime?: number | undefined;
  /** Called when a layer has been read: for what there is, and again for the contents if it has some. */
  readonly onLayer?: ((layer: Layer, progress: FlattenProgress) => void) | undefined;
}

/** How far an image is read whose root file system is written. */
export interface FlattenProgress {
  /** Counted from 0. */
  readonly index: number;
  readonly read: "entries" | "contents";
}

/**
 * The root file system that layers make, as one plain tar archive: whiteouts applied, hard links kept. Nothing is
 * unpacked: the layers are read for what there is, see {@link flattenedTree}, and once more, one after the other, for the
 * contents of those that have some. Memory grows with the number of entries, not with their bytes.
 *
 * The order follows from the layers alone, and no path comes twice. Entries come by layer from the bottom up, and in a
 * layer as it has them; directories that no layer has an entry for are root's, with mode 0755 and the time 0. A
 * directory comes before what is in it, but at the end if something is made in it later on: who unpacks the archive makes it
 * with the first that is in it, and at the end it gets its owner, mode and time. GNU tar, which finishes a directory as soon as
 * it leaves it, has them right so. No entry's path leads through a link, and a hard link is to a name that came before.
 * @throws VarveError as {@link flattenedTree}; `CHANGED_WHILE_READING`
 */
export async function* flattenImage(
  layers: readonly Layer[],
  options: FlattenImageOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  const { onLayer, signal } = options;
  const tree = await layeredTree(layers, {
    signal,
    onLayer: (index) => onLayer?.(layers[index]!, { index, read: "entries" }),
  });
  yield* gathered(writeTar(members(layers, { ...options, order: flatOrder(tree) })));
}

interface MembersOptions extends FlattenImageOptions {
  readonly order: FlatOrder;
}

async function* members(
  layers: readonly Layer[],
  { order, mtime, onLayer, signal }: MembersOptions,
): AsyncGenerator<TarInputMember, void, void> {
  const { nodes, links } = order;
  const hasContent = (node: TreeNode) =>
    node.root.entry.size > 0 && node.root.kind === "file" && !links.has(node);
  const header = (node: TreeNode): TarEntry => flatEntry(node, { link: links.get(node), mtime });
  let at = 0;
  for (const [index, layer] of layers.entries()) {
    const last = nodes.findLastIndex((node) => node.root.layer === index && hasContent(node));
    if (last === -1) continue;
    const what = nameOf(layer, index);
    // Reads to the end even if nothing more is needed, since only then has the layer been checked.
    for await (const member of layerEntries(layer, { what, signal })) {
      while (at <= last && !hasContent(nodes[at]!)) yield { entry: header(nodes[at++]!) };
      if (at > last || nodes[at]!.root.position !== member.position) continue;
      yield { entry: header(nodes[at]!), content: contentOf(member, nodes[at]!.root.entry.size) };
      at++;
    }
    if (at <= last) {
      throw new VarveError("CHANGED_WHILE_READING", `${what} was another when it was read again`);
    }
    onLayer?.(layer, { index, read: "contents" });
  }
  while (at < nodes.length) yield { entry: header(nodes[at++]!) };
}

/** Large contents go through two buffers in turn, as `ByteSource` allows: new memory for each piece is work for the collector. */
export async function* contentOf({ read }: LayerEntry, size: number): AsyncGenerator<Uint8Array, void, void> {
  const buffers = size > CHUNK_SIZE ? [0, 1].map(() => Buffer.allocUnsafeSlow(CHUNK_SIZE)) : [];
  let turn = 0;
  for (let left = size; left > 0; ) {
    const piece = await read(Math.min(left, CHUNK_SIZE), buffers[turn++ % 2]);
    left -= piece.length;
    yield piece;
  }
}

const TYPES: Readonly<Record<RootEntryKind, string>> = {
  directory: EntryType.directory,
  file: EntryType.file,
  symlink: EntryType.symlink,
  "character-device": EntryType.characterDevice,
  "block-device": EntryType.blockDevice,
  fifo: EntryType.fifo,
};

/** Pax records that an entry's fields represent; the writer makes those that are needed. */
const FIELDS: ReadonlySet<string> = new Set([
  "path",
  "linkpath",
  "size",
  "uid",
  "gid",
  "uname",
  "gname",
  "hdrcharset",
]);
const TIMES: ReadonlySet<string> = new Set(["mtime", "atime", "ctime"]);

export interface FlatEntryOptions {
  /** The node that this one is a hard link to. */
  readonly link?: TreeNode | undefined;
  readonly mtime?: number | undefined;
}

/** A node's entry in an archive of the whole root, or as the root has it in a layer. */
export function flatEntry(node: TreeNode, { link, mtime }: FlatEntryOptions): TarEntry {
  const { kind, entry } = node.root;
  const { mode, uid, gid, uname = "", gname = "", devmajor = 0, devminor = 0 } = entry;
  const common = {
    name: pathOf(node) || ".",
    mode: mode & 0o7777,
    uid,
    gid,
    uname,
    gname,
    mtime: mtime ?? entry.mtime,
  };
  if (link !== undefined) {
    return { ...common, type: EntryType.hardLink, size: 0, linkname: pathOf(link) };
  }
  const pax = [...(entry.pax ?? [])].filter(
    ([key]) => !FIELDS.has(key) && !(mtime !== undefined && TIMES.has(key)),
  );
  return {
    ...common,
    type: TYPES[kind],
    size: kind === "file" ? entry.size : 0,
    linkname: kind === "symlink" ? (entry.linkname ?? "") : "",
    devmajor,
    devminor,
    ...(pax.length > 0 ? { pax: new Map(pax) } : {}),
  };
}

/** Joins the bytes into fewer, larger chunks, since a header or a small file isn't worth a write of its own. */
export async function* gathered(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let buffer = Buffer.allocUnsafe(CHUNK_SIZE);
  let filled = 0;
  for await (const chunk of chunks) {
    if (filled > 0 && filled + chunk.length > buffer.length) {
      yield buffer.subarray(0, filled);
      buffer = Buffer.allocUnsafe(CHUNK_SIZE);
      filled = 0;
    }
    if (chunk.length >= buffer.length) {
      yield chunk;
    } else {
      buffer.set(chunk, filled);
      filled += chunk.length;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
