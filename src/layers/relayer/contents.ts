import { readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { readError, VarveError } from "#errors";
import { gathered, type RootEntry } from "#flatten";
import { boundedSpool, CHUNK_SIZE, type SpoolLimit, unnamedFile, writeChunks } from "#util";

export interface ContentsOptions extends SpoolLimit {
  /** The folder where temporary files are made. */
  readonly temporary: string;
}

/** A content on its way into the file. */
export interface PassingContent {
  /** The entry that has it. */
  readonly layer: number;
  readonly position: number;
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** The contents of an image's files, one after the other in a file without a name. */
export class Contents implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #name: string;
  readonly #places: Map<number, number>[] = [];
  #size = 0;

  private constructor(file: FileHandle, name: string) {
    this.#file = file;
    this.#name = name;
  }

  /** @throws VarveError `UNWRITABLE` */
  static async open({ temporary }: ContentsOptions): Promise<Contents> {
    return new Contents(await unnamedFile(temporary), `a temporary file in ${temporary}`);
  }

  /**
   * Keeps contents as they come.
   * @throws VarveError `UNWRITABLE`, `TOO_LARGE`, and what they throw
   */
  async keep(
    contents: AsyncIterable<PassingContent>,
    { what, maxSpool }: SpoolLimit & { what: string },
  ): Promise<void> {
    const left = maxSpool === undefined ? undefined : Math.max(maxSpool - this.#size, 0);
    const chunks = boundedSpool(gathered(this.#placed(contents)), { what, maxSpool: left });
    await writeChunks(this.#file.fd, chunks, this.#name);
  }

  async *#placed(contents: AsyncIterable<PassingContent>): AsyncGenerator<Uint8Array, void, void> {
    for await (const { layer, position, size, chunks } of contents) {
      this.#places[layer] ??= new Map();
      this.#places[layer].set(position, this.#size);
      this.#size += size;
      yield* chunks;
    }
  }

  /** Whether a file's content is here; one that is empty always is. */
  has({ layer, position, entry }: RootEntry): boolean {
    return entry.size === 0 || this.#places[layer]?.has(position) === true;
  }

  /**
   * The content of a file that is here. Large ones come under the rule of `ByteSource`.
   * @throws VarveError `UNREADABLE`
   */
  *read({ layer, position, entry: { size } }: RootEntry): Generator<Buffer, void, void> {
    if (size === 0) return;
    const start = this.#places[layer]?.get(position);
    if (start === undefined) throw new Error("a content that was to be read wasn't kept");
    const buffers = [0, 1]
      .slice(0, size > CHUNK_SIZE ? 2 : 1)
      .map(() => Buffer.allocUnsafe(Math.min(size, CHUNK_SIZE)));
    for (let at = 0, turn = 0; at < size; turn++) {
      const buffer = buffers[turn % 2]!;
      const length = this.#readAt(buffer.subarray(0, Math.min(buffer.length, size - at)), start + at);
      yield buffer.subarray(0, length);
      at += length;
    }
  }

  #readAt(target: Buffer, position: number): number {
    let length: number;
    try {
      length = readSync(this.#file.fd, target, 0, target.length, position);
    } catch (error) {
      throw readError(this.#name, error);
    }
    if (length === 0) throw new VarveError("UNREADABLE", `${this.#name} has become shorter`);
    return length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
