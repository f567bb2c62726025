/**
 * zstd:chunked: a layer whose files are zstd frames of their own, with a table of contents at the end, so that an engine that
 * has some of the files fetches only the others. To everybody else it is plain zstd, since the table is in skippable frames
 * (RFC 8878, section 3.1.2). The format is that of containers/storage, version 1; a file is always one chunk.
 */
import { type Block, takeBlock, zstdFrames } from "../blocks.ts";
import { ArchiveFollower } from "./follow.ts";
import { PackedText } from "./packed-text.ts";

/** What is said of such a layer beside its digest, so that engines find the table. */
export type ChunkedAnnotations = Readonly<Record<string, string>>;

export interface ChunkedOptions {
  /** Of zstd, 1 to 22. */
  readonly level: number;
  /** Called at the end, but not for a layer that the format has no words for, which is plain zstd then. */
  readonly onMade: (annotations: ChunkedAnnotations) => void;
}

/** The annotations begin with this. */
const PREFIX = "io.github.containers.zstd-chunked";
const FOOTER_MAGIC = "GNUlInUx";
const SKIPPABLE_MAGIC = 0x184d2a50;
/** A skippable frame's magic and length. */
const FRAME_HEADER = 8;
/** The one kind of table there is. */
const TABLE_KIND = 1;

/** Whether a layer's descriptor says that it has a table. */
export function isChunked({ annotations }: { readonly annotations?: ChunkedAnnotations }): boolean {
  return annotations?.[`${PREFIX}.manifest-checksum`] !== undefined;
}

/** Compresses a layer's archive in one pass; the output depends only on the archive and the level. */
export async function* zstdChunked(
  chunks: AsyncIterable<Uint8Array>,
  { level, onMade }: ChunkedOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const archive = new ChunkedArchive(level);
  const onFrames = (lengths: readonly number[]) => archive.compressed(lengths);
  yield* zstdFrames(archive.blocks(chunks), { level, onFrames });
  const table = archive.table();
  if (table === undefined) return;
  onMade(table.annotations);
  yield table.bytes;
}

class ChunkedArchive {
  readonly #level: number;
  readonly #split: PackedText;
  readonly #follower: ArchiveFollower;
  /** Where each frame ends in the output. */
  readonly #ends: number[] = [];
  #frames = 0;

  constructor(level: number) {
    this.#level = level;
    this.#split = new PackedText(level);
    this.#follower = new ArchiveFollower(this.#split);
  }

  /** The archive in blocks of frames: what is no content, and each file's content, have frames of their own. */
  async *blocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Block, void, void> {
    let [memory, length, cuts] = [takeBlock(), 0, [] as number[]];
    const cut = () => {
      if (length === (cuts.at(-1) ?? 0)) return;
      cuts.push(length);
      this.#frames++;
    };
    for await (const chunk of chunks) {
      for (const part of this.#follower.push(chunk)) {
        if (part.kind !== "bytes") {
          cut();
          part.file[part.kind === "begin" ? "first" : "end"] = this.#frames;
          continue;
        }
        for (let at = 0; at < part.bytes.length; ) {
          if (length === memory.byteLength) {
            cut();
            yield { memory, length, cuts, history: undefined, last: false };
            [memory, length, cuts] = [takeBlock(), 0, []];
          }
          const piece = part.bytes.subarray(at, at + memory.byteLength - length);
          new Uint8Array(memory).set(piece, length);
          length += piece.length;
          at += piece.length;
        }
      }
    }
    this.#follower.finish();
    cut();
    yield { memory, length, cuts, history: undefined, last: true };
  }

  /** Takes how long the next frames became. */
  compressed(lengths: readonly number[]): void {
    for (const length of lengths) this.#ends.push((this.#ends.at(-1) ?? 0) + length);
  }

  /** What follows the archive's frames; undefined if it can't be listed. */
  table(): { readonly bytes: Buffer; readonly annotations: ChunkedAnnotations } | undefined {
    const { listed } = this.#follower;
    if (listed === undefined) return undefined;
    const split = this.#split.finish();
    const text = new PackedText(this.#level);
    text.add('{"version":1,"entries":[');
    for (const [at, { entry, file }] of listed.entries()) {
      const place = file && {
        digest: file.digest,
        offset: this.#offset(file.first),
        endOffset: this.#offset(file.end),
      };
      text.add(`${at > 0 ? "," : ""}${JSON.stringify({ ...entry, ...place })}`);
    }
    text.add(`],"tarSplitDigest":${JSON.stringify(split.digest)}}`);
    const toc = text.finish();
    const tocAt = this.#offset(this.#frames) + FRAME_HEADER;
    const splitAt = tocAt + toc.bytes.length + FRAME_HEADER;
    const numbers = [
      ...[tocAt, toc.bytes.length, toc.size, TABLE_KIND],
      ...[splitAt, split.bytes.length, split.size],
    ];
    const footer = Buffer.alloc(64);
    for (const [at, number] of numbers.entries()) footer.writeBigUInt64LE(BigInt(number), 8 * at);
    footer.write(FOOTER_MAGIC, 56, "latin1");
    return {
      bytes: Buffer.concat([toc.bytes, split.bytes, footer].flatMap(skippable)),
      annotations: {
        [`${PREFIX}.manifest-checksum`]: toc.digest,
        [`${PREFIX}.manifest-position`]: numbers.slice(0, 4).join(":"),
        [`${PREFIX}.tarsplit-position`]: numbers.slice(4).join(":"),
      },
    };
  }

  /** Where a frame begins in the output. */
  #offset(frame: number): number {
    return frame === 0 ? 0 : this.#ends[frame - 1]!;
  }
}

/** A skippable frame: RFC 8878, section 3.1.2. */
function skippable(bytes: Buffer): Buffer[] {
  const header = Buffer.alloc(FRAME_HEADER);
  header.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  header.writeUInt32LE(bytes.length, 4);
  return [header, bytes];
}
