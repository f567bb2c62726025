/** Prepares archives to be unpacked in the sandbox. */
import { VarveError } from "#errors";
import type { Ownership } from "#fs";
import {
  EntryType,
  hasContent,
  readTar,
  streamInput,
  type TarEntry,
  type TarInputMember,
  writeTar,
} from "#tar";
import { CHUNK_SIZE } from "#util";

/** The attributes of a tree's root directory. */
export type RootAttributes = Pick<TarEntry, "mode" | "uid" | "gid">;

export interface BaseFacts {
  /** The names of the base's entries, and whether each is a directory. */
  readonly directories: Map<string, boolean>;
  readonly notes: string[];
  /** Whether a file has several names. */
  hardLinks: boolean;
  root: RootAttributes;
}

export const PLAIN_ROOT: RootAttributes = { mode: 0o755, uid: 0, gid: 0 };

export interface InputLimits {
  /** Ids below this can be given to files. */
  readonly ids: number;
  /** Whether device nodes can be made. */
  readonly devices: boolean;
  readonly note?: NoteEntry | undefined;
}

/** Notes an entry whose owner and device number are kept elsewhere, and returns it in the form in which it can be unpacked. */
export type NoteEntry = (entry: TarEntry) => TarEntry;

/**
 * The base's archive without what can't be unpacked here. Facts about the base are noted as it passes.
 * @throws VarveError `INVALID_TAR`; `SANDBOX_UNAVAILABLE` for an owner beyond the range of ids
 */
export function baseInput(
  chunks: AsyncIterable<Uint8Array>,
  facts: BaseFacts,
  limits: InputLimits,
): AsyncIterable<Uint8Array> {
  const skipped = new Set<string>();
  return filtered(chunks, "the base image's tree", (entry) => {
    const { type, uid, gid } = entry;
    const name = plainName(entry.name);
    if (Math.max(uid, gid) >= limits.ids) {
      throw new VarveError(
        "SANDBOX_UNAVAILABLE",
        `the base image's ${name} belongs to ${uid}:${gid}, and only ${limits.ids} ids can be used here; ` +
          "give the user a larger range in /etc/subuid and /etc/subgid, or build as root",
      );
    }
    const device = type === EntryType.characterDevice || type === EntryType.blockDevice;
    const toSkipped = type === EntryType.hardLink && skipped.has(plainName(entry.linkname ?? ""));
    if (!limits.devices && (device || toSkipped)) {
      skipped.add(name);
      facts.notes.push(`the script doesn't see the base image's device /${name}, which only root can make`);
      return undefined;
    }
    if (type === EntryType.hardLink) facts.hardLinks = true;
    if (name === "") facts.root = { mode: entry.mode, uid, gid };
    else facts.directories.set(name, type === EntryType.directory);
    return (limits.note ?? withSafeXattrs)(entry);
  });
}

export interface RootFacts {
  readonly root: RootAttributes;
  readonly owner: Ownership;
  /** Receives the directories that don't belong to the owner: they come from the base, and keep their owners. */
  readonly foreign: Map<string, TarEntry>;
  readonly note?: NoteEntry | undefined;
}

/** The layer's content before any script; if the archive has no entry for the root directory, one is put in front. */
export function rootInput(
  chunks: AsyncIterable<Uint8Array> | undefined,
  { root, owner, foreign, note = withSafeXattrs }: RootFacts,
): AsyncIterable<Uint8Array> {
  const first: TarEntry = { ...root, name: "./", type: EntryType.directory, size: 0, mtime: 0 };
  const change = (entry: TarEntry): TarEntry => {
    const { type, uid, gid } = entry;
    if (type === EntryType.directory && (uid !== owner.uid || gid !== owner.gid)) {
      foreign.set(plainName(entry.name), entry);
    }
    return note(entry);
  };
  return filtered(chunks, "the layer's contents", change, note(first));
}

/** Archive entries that only set the owners of directories that exist already. */
export function directoriesInput(directories: Iterable<TarEntry>): AsyncIterable<Uint8Array> {
  return writeTar(
    [...directories].map((entry) => ({ entry: { ...entry, name: `./${plainName(entry.name)}` } })),
  );
}

/** A name without the dots and slashes at its ends: the root is empty. */
export function plainName(name: string): string {
  return name
    .replace(/^(?:\.?\/)+/, "")
    .replace(/\/+$/, "")
    .replace(/^\.$/, "");
}

async function* filtered(
  chunks: AsyncIterable<Uint8Array> | undefined,
  what: string,
  change: (entry: TarEntry) => TarEntry | undefined,
  first?: TarEntry,
): AsyncGenerator<Uint8Array, void, void> {
  async function* members(): AsyncGenerator<TarInputMember, void, void> {
    if (first !== undefined) yield { entry: first };
    if (chunks === undefined) return;
    for await (const { entry, content } of membersOf(chunks, what)) {
      const changed = change(entry);
      if (changed !== undefined) yield { entry: changed, content };
    }
  }
  // Otherwise each small piece would be a write of its own.
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of writeTar(members())) {
    pieces.push(piece);
    size += piece.length;
    if (size < CHUNK_SIZE / 4) continue;
    yield Buffer.concat(pieces, size);
    pieces = [];
    size = 0;
  }
  yield Buffer.concat(pieces, size);
}

/** An archive's members. Its source is read to the end, since some sources check there what they have yielded. */
export async function* membersOf(
  chunks: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Required<TarInputMember>, void, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const input = streamInput({ [Symbol.asyncIterator]: () => iterator });
  try {
    for await (const { entry, read } of readTar(input, what)) {
      yield { entry, content: contentOf(read, hasContent(entry.type) ? entry.size : 0) };
    }
    await input.drain();
  } finally {
    await iterator.return?.();
  }
}

/** A member's content, in fresh memory. */
async function* contentOf(
  read: (length: number) => Promise<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, void> {
  for (let left = size; left > 0; ) {
    const bytes = await read(Math.min(left, CHUNK_SIZE));
    left -= bytes.length;
    yield bytes;
  }
}

const XATTR = "SCHILY.xattr.";

/**
 * The extended attributes that belong in an image: capabilities and the user's own. Others belong to the machine's security
 * system or to the union file system, which an archive must not control.
 */
export function imageXattrs(entry: TarEntry): [string, string][] {
  return [...(entry.pax ?? [])]
    .filter(([key]) => {
      if (!key.startsWith(XATTR)) return false;
      const name = key.slice(XATTR.length);
      return (
        name === "security.capability" ||
        (name.startsWith("user.") && !/^user\.(overlay|fuseoverlayfs)\./.test(name))
      );
    })
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Whether the union file system marks a directory as hiding the one below it. */
export function isOpaque({ pax }: TarEntry): boolean {
  return ["trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"].some(
    (name) => pax?.get(XATTR + name) === "y",
  );
}

function withSafeXattrs(entry: TarEntry): TarEntry {
  if (entry.pax === undefined) return entry;
  const { pax: _, ...rest } = entry;
  const kept = imageXattrs(entry);
  return kept.length === 0 ? rest : { ...rest, pax: new Map(kept) };
}
