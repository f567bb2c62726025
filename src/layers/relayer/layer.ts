/** The bytes of a new layer. */
import { flatEntry, gathered, pathOf, type TreeNode } from "#flatten";
import type { Layer } from "#image";
import { identify, MediaType } from "#oci";
import { EntryType, type TarEntry, type TarInputMember, writeTar } from "#tar";
import { compareNames } from "#util";
import { verified } from "#write";
import type { Contents } from "./contents.ts";
import type { Inode, NamedNode } from "./difference.ts";

/** What is in a new layer. */
export interface LayerParts {
  readonly components: readonly string[];
  readonly inodes: readonly Inode[];
  /** Directories as they are in the end; only the top layer has them. */
  readonly directories: readonly NamedNode[];
  /** What a base has and this image hasn't; only in the top layer. */
  readonly removed: readonly string[];
  readonly contents: Contents;
  /** The time of all entries; their own unless given. */
  readonly mtime?: number | undefined;
}

/**
 * A layer that is read from the contents that were kept, and measured.
 *
 * Names come in the order of their paths, what is in a directory right after it. Directories have no time, but in the top layer,
 * which has them as they are: it changes with whatever is made in them, so that each layer would change with every other.
 * @throws VarveError `UNREADABLE`, `ABORTED`
 */
export async function newLayer(parts: LayerParts, signal: AbortSignal | undefined): Promise<Layer> {
  const open = () => gathered(writeTar(membersOf(parts)));
  const { digest, size } = await identify(abortable(open(), signal));
  const descriptor = { mediaType: MediaType.ociLayer, digest, size };
  const { components } = parts;
  return {
    ...{ descriptor, diffId: digest, components },
    open: (signal) => verified(abortable(open(), signal), descriptor, "a layer"),
  };
}

async function* abortable(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

function membersOf({ inodes, directories, removed, contents, mtime }: LayerParts): TarInputMember[] {
  const members = new Map<string, TarInputMember>();
  const parents = new Set<TreeNode>();
  for (const { node, path } of directories) {
    parents.add(node);
    members.set(path, { entry: flatEntry(node, { mtime }) });
  }
  const enter = (folder: TreeNode | undefined) => {
    for (let at = folder; at?.parent !== undefined && !parents.has(at); at = at.parent) {
      parents.add(at);
      members.set(pathOf(at), { entry: flatEntry(at, { mtime: mtime ?? 0 }) });
    }
  };
  for (const { root, names } of inodes) {
    const [first] = names as readonly [NamedNode, ...NamedNode[]];
    for (const { node, path } of names) {
      enter(node.parent);
      const entry = flatEntry(node, { mtime, link: node === first.node ? undefined : first.node });
      members.set(path, { entry, ...(entry.size > 0 && { content: lazily(() => contents.read(root)) }) });
    }
  }
  for (const path of removed) {
    const name = path.replace(/[^/]*$/, ".wh.$&");
    members.set(name, { entry: whiteout(name) });
  }
  const inOrder = [...members].map(([path, member]) => ({ key: path.replaceAll("/", "\0"), member }));
  return inOrder.sort((a, b) => compareNames(a.key, b.key)).map(({ member }) => member);
}

/** Nothing is read before it is asked for. */
function lazily<T>(open: () => Iterable<T>): Iterable<T> {
  return { [Symbol.iterator]: () => open()[Symbol.iterator]() };
}

function whiteout(name: string): TarEntry {
  return { name, type: EntryType.file, mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };
}
