/** Archives as nixpkgs packs customisation layers and root file systems: by GNU tar, from the folder `.`. */
import { createReadStream } from "node:fs";
import { readError } from "#errors";
import {
  EntryType,
  encodeGnuHeader,
  encodeHeader,
  endOfArchive,
  hasContent,
  padding,
  readTar,
  streamInput,
  type TarEntry,
  type TarMember,
} from "#tar";
import { CHUNK_SIZE } from "#util";

const PLAIN_ROOT: TarEntry = {
  name: "",
  type: EntryType.directory,
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
};

/** The time that stdenv has programs give to files: 1980, the first year that zip archives know. */
export const STDENV_TIME = 315_532_800;

/** What entries have that the archive doesn't. */
export interface GnuLayerOptions {
  readonly mtime: number;
}

/**
 * The bytes that GNU tar would write, of the archive in a file: names begin with `./`, the root comes first, owners have no names, every
 * file is of one time, and a file with several names is there once for each. What has extended attributes keeps them, in POSIX's format.
 * @throws VarveError `UNREADABLE`, `INVALID_TAR`
 */
export async function* asGnuTar(
  path: string,
  { mtime }: GnuLayerOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const members = await membersOf(path);
  const files = new Map(members.map((member) => [plainName(member.entry.name), member]));
  const first =
    members[0] && plainName(members[0].entry.name) === "" ? [] : [{ entry: PLAIN_ROOT, offset: 0 }];
  let total = 0;
  for (const { entry, offset } of [...first, ...members]) {
    const file = entry.type === EntryType.hardLink ? files.get(plainName(entry.linkname ?? "")) : undefined;
    const { type, size, pax } = file?.entry ?? entry;
    const name = `./${plainName(entry.name)}`;
    const made = {
      ...entry,
      name,
      type,
      size,
      mtime,
      uname: "",
      gname: "",
      ...(type !== EntryType.symlink && { linkname: "" }),
    };
    const header = headerOf(made, pax);
    yield header;
    total += header.length;
    if (!hasContent(type) || size === 0) continue;
    yield* reading(path, file?.offset ?? offset, size);
    yield Buffer.alloc(padding(size));
    total += size + padding(size);
  }
  yield endOfArchive(total);
}

function headerOf({ pax: _, ...entry }: TarEntry, pax: TarEntry["pax"]): Buffer {
  const attributes = [...(pax ?? [])].filter(([key]) => key.startsWith("SCHILY.xattr."));
  return attributes.length === 0
    ? encodeGnuHeader(entry)
    : encodeHeader({ ...entry, pax: new Map(attributes) });
}

function plainName(name: string): string {
  return name.replace(/^(?:\.?\/+)+|^\.$/, "").replace(/\/+$/, "");
}

async function membersOf(path: string): Promise<TarMember[]> {
  const members: TarMember[] = [];
  for await (const { entry, offset } of readTar(streamInput(reading(path)), path))
    members.push({ entry, offset });
  return members;
}

async function* reading(path: string, start = 0, size?: number): AsyncGenerator<Uint8Array, void, void> {
  const range = size === undefined ? {} : { end: start + size - 1 };
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK_SIZE, start, ...range });
  } catch (error) {
    throw readError(path, error);
  }
}
