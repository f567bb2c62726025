/** A tar archive in a file, with random access to its members; nothing is unpacked. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { posix } from "node:path";
import { compressionOf, decompress } from "#compress";
import { readError, VarveError } from "#errors";
import { hasContent, readTar, type TarInput, type TarMember } from "#tar";
import { type ByteSource, boundedSpool, readChunks, readStdin, type SpoolLimit } from "#util";
import { readAt, readRange } from "./file-bytes.ts";
import { spool } from "./spool.ts";

/** How many links may be followed to a layer; a longer chain is a circle. */
const MAX_LINKS = 8;

/** How many bytes show a compression. */
const MAGIC_LENGTH = 16;

/** Real archives have some hundred members; each takes memory. */
const MAX_MEMBERS = 1_000_000;

export interface TarFileOptions extends SpoolLimit {
  readonly signal?: AbortSignal | undefined;
}

export class TarFile implements AsyncDisposable {
  /** The archive's path, for messages. */
  readonly path: string;
  readonly #file: FileHandle;
  readonly #members: ReadonlyMap<string, TarMember>;

  private constructor(path: string, file: FileHandle, members: ReadonlyMap<string, TarMember>) {
    this.path = path;
    this.#file = file;
    this.#members = members;
  }

  /**
   * Opens the archive at `path`, or on stdin for `-`, and lists its members. What is compressed (gzip, zstd) or isn't a
   * regular file (a pipe) is read once into a temporary file first, which has no name and goes when the archive is
   * closed.
   *
   * Unlike a layer, it must have its end marker. The archive itself has no digest, and among members with the same name the last
   * one counts, so an archive that was cut off after a member may mean something else than the whole one.
   * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_TAR`, `INVALID_IMAGE`, `UNSUPPORTED_COMPRESSION`, `TOO_LARGE`
   */
  static async open(path: string, options: TarFileOptions = {}): Promise<TarFile> {
    let file: FileHandle | undefined;
    try {
      file = await openPlain(path, options);
      await refuseProgram(file, path);
      return new TarFile(path, file, await indexMembers(file, path));
    } catch (error) {
      await file?.close();
      throw readError(path === "-" ? "stdin" : path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  names(): Iterable<string> {
    return this.#members.keys();
  }

  /** The member of that name, with or without `./`; the last one where there are several, undefined if there is none. */
  member(name: string): TarMember | undefined {
    return this.#members.get(withoutDot(name));
  }

  /**
   * The member with a member's content: itself, or the one that its links lead to.
   * @throws VarveError `INVALID_IMAGE` for a link that leads nowhere or in a circle
   */
  resolve(member: TarMember): TarMember {
    let current = member;
    for (let links = 0; links <= MAX_LINKS; links++) {
      const { type, name, linkname } = current.entry;
      if (hasContent(type)) return current;
      // A hard link names its target from the archive's root, a symbolic link from its own folder.
      const target =
        type === "1" ? linkname : type === "2" ? posix.join(name, "..", linkname ?? "") : undefined;
      const next = target === undefined ? undefined : this.member(target);
      if (next === undefined) {
        throw new VarveError(
          "INVALID_IMAGE",
          `${this.path}: ${member.entry.name} is neither a file nor a link to one in the archive`,
        );
      }
      current = next;
    }
    throw new VarveError("INVALID_IMAGE", `${this.path}: the links of ${member.entry.name} make a circle`);
  }

  /** A member's content. The archive must stay open while it is read. */
  content(member: TarMember): ByteSource {
    const { offset, entry } = member;
    return { open: (signal) => readRange(this.#file, { offset, size: entry.size, path: this.path, signal }) };
  }

  /** The whole content of a small member, such as a JSON document. */
  async read(member: TarMember, limit: number): Promise<Uint8Array> {
    if (member.entry.size > limit) {
      throw new VarveError(
        "TOO_LARGE",
        `${this.path}: ${member.entry.name} has ${member.entry.size} bytes, more than the ${limit} that varve reads`,
      );
    }
    return readAt(this.#file, member.offset, member.entry.size);
  }

  /** The first bytes of a member's content. */
  async peek(member: TarMember, length: number): Promise<Uint8Array> {
    return readAt(this.#file, member.offset, Math.min(length, member.entry.size));
  }
}

/** nixpkgs' `streamLayeredImage` gives a program where an image is expected, and its users hand it on as one. */
async function refuseProgram(file: FileHandle, path: string): Promise<void> {
  const start = Buffer.alloc(2);
  await file.read(start, 0, start.length, 0);
  if (start.toString("latin1") !== "#!") return;
  throw new VarveError(
    "INVALID_IMAGE",
    `${path} is a program and not an image; if it writes one, as those of streamLayeredImage do, run it and give the archive that it writes`,
  );
}

async function indexMembers(file: FileHandle, path: string): Promise<Map<string, TarMember>> {
  const { size } = await file.stat();
  let position = 0;
  const input: TarInput = {
    async read(length) {
      const bytes = await readAt(file, position, length);
      position += bytes.length;
      return bytes;
    },
    async skip(length) {
      position += length;
      return position <= size;
    },
  };
  const members = new Map<string, TarMember>();
  for await (const { entry, offset } of readTar(input, path)) {
    members.set(withoutDot(entry.name), { entry, offset });
    if (members.size > MAX_MEMBERS) {
      throw new VarveError(
        "TOO_LARGE",
        `${path} has more than ${MAX_MEMBERS} members, as no archive of images does`,
      );
    }
  }
  return members;
}

function withoutDot(name: string): string {
  return name.startsWith("./") ? name.slice(2) : name;
}

/** The uncompressed archive in a file with random access. */
async function openPlain(path: string, { signal, maxSpool }: TarFileOptions): Promise<FileHandle> {
  const isFile = path !== "-" && (await stat(path)).isFile();
  if (isFile) {
    const file = await open(path);
    try {
      if (compressionOf(await readAt(file, 0, MAGIC_LENGTH), path) === "none") return file;
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
  }
  const chunks = path === "-" ? readStdin(signal) : readChunks(path, signal);
  const what = path === "-" ? "stdin" : path;
  return (await spool(boundedSpool(decompressed(chunks, what), { what, maxSpool }))).file;
}

/** Chunks without their compression, which is recognised. */
async function* decompressed(
  chunks: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array, void, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < MAGIC_LENGTH) {
    const step = await iterator.next();
    if (step.done) break;
    start = Buffer.concat([start, step.value]);
  }
  const whole = async function* () {
    yield start;
    yield* { [Symbol.asyncIterator]: () => iterator };
  };
  try {
    yield* decompress(whole(), { algorithm: compressionOf(start, what), what });
  } finally {
    await iterator.return?.();
  }
}
