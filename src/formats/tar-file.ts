/** A tar archive in a file, with random access to its members; nothing is unpacked. */
import { createReadStream } from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readError, VarveError } from "../errors.ts";
import { type Compression, compressionOf, decompress } from "../image/index.ts";
import { hasContent, readTar, type TarInput, type TarMember } from "../tar/index.ts";
import { type ByteSource, CHUNK_SIZE, writeChunks } from "../util/index.ts";

/** Archives hold a handful of links that lead to layers; a longer way is a circle. */
const MAX_LINKS = 8;

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
   * Opens the archive at `path` and lists its members. A compressed one (gzip, zstd) is decompressed into a
   * temporary file first, which has no name and goes when the archive is closed.
   * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_TAR`, `UNSUPPORTED_COMPRESSION`
   */
  static async open(path: string): Promise<TarFile> {
    let file: FileHandle | undefined;
    try {
      file = await open(path);
      const compression = compressionOf(await readAt(file, 0, 16), path);
      if (compression !== "none") {
        await file.close();
        file = undefined;
        file = await decompressToTemporary(path, compression);
      }
      return new TarFile(path, file, await indexMembers(file, path));
    } catch (error) {
      await file?.close();
      throw readError(path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  names(): Iterable<string> {
    return this.#members.keys();
  }

  /** The member of that name, the last one where there are several; undefined if there is none. */
  member(name: string): TarMember | undefined {
    return this.#members.get(name) ?? this.#members.get(`./${name}`);
  }

  /**
   * The member that holds a member's content: itself, or where its links lead.
   * @throws VarveError `INVALID_IMAGE` for a link that leads nowhere or in a circle
   */
  resolve(member: TarMember): TarMember {
    let current = member;
    for (let links = 0; links <= MAX_LINKS; links++) {
      const { type, name, linkname } = current.entry;
      if (hasContent(type)) return current;
      // A hard link names its target from the archive's root, a symbolic link from its own folder.
      const target = type === "1" ? linkname : type === "2" ? join(name, "..", linkname ?? "") : undefined;
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
    const file = this.#file;
    const path = this.path;
    return {
      async *open() {
        const buffers = [Buffer.allocUnsafeSlow(CHUNK_SIZE), Buffer.allocUnsafeSlow(CHUNK_SIZE)] as const;
        let turn: 0 | 1 = 0;
        for (let at = 0; at < entry.size; ) {
          const length = Math.min(CHUNK_SIZE, entry.size - at);
          const { bytesRead } = await file.read(buffers[turn], 0, length, offset + at);
          if (bytesRead === 0) throw new VarveError("INVALID_TAR", `${path} was cut short while it was read`);
          yield buffers[turn].subarray(0, bytesRead);
          turn = turn === 0 ? 1 : 0;
          at += bytesRead;
        }
      },
    };
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
  for await (const { entry, offset } of readTar(input, path)) members.set(entry.name, { entry, offset });
  return members;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}

/** The archive decompressed into a file that has no name, so that it is gone when it is closed. */
async function decompressToTemporary(path: string, algorithm: Compression): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "varve-"));
  try {
    const spool = await open(join(folder, "archive.tar"), "wx+", 0o600);
    try {
      await writeChunks(spool.fd, decompress(createReadStream(path), { algorithm, what: path }), folder);
      return spool;
    } catch (error) {
      await spool.close();
      throw error;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
