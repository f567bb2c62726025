/** A blob that several readers fetch at the same time, and that is made once for all of them. */
import type { FileHandle } from "node:fs/promises";
import { VarveError } from "#errors";
import type { Descriptor } from "#oci";
import { type ByteSource, boundedSpool, type SpoolLimit, unnamedFile } from "#util";
import { verified } from "#write";
import type { ByteRange } from "./range.ts";

/** How much of the file a reader takes at a time, in bytes. */
const STEP = 256 * 1024;

/** Where blobs are kept while somebody reads them. */
export interface SharedBlobOptions extends SpoolLimit {
  /** The folder of the temporary files. */
  readonly temporary: string;
}

/**
 * A blob that is made when somebody reads it: each reader has its own pace and its own part of it, and it is made no more than once at
 * a time. What has been made is kept in a temporary file for as long as there are readers.
 */
export class SharedBlob {
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  readonly #source: ByteSource;
  readonly #options: SharedBlobOptions;
  #making: Making | undefined;

  constructor(descriptor: SharedBlob["descriptor"], source: ByteSource, options: SharedBlobOptions) {
    this.descriptor = descriptor;
    this.#source = source;
    this.#options = options;
  }

  get size(): number {
    return this.descriptor.size;
  }

  /**
   * Reads a part. Its last chunk comes only if the whole blob, as far as it has been made by then, is right.
   * @throws VarveError `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `UNWRITABLE`, `TOO_LARGE`; and what opening the blob throws
   */
  async *open(from: number, to: number): AsyncGenerator<Uint8Array, void, void> {
    this.#making ??= new Making(this.#source, this.descriptor, this.#options);
    const making = this.#making;
    making.readers++;
    try {
      yield* making.read({ from, to });
    } finally {
      making.readers--;
      if (making.readers === 0 || making.failed) {
        if (this.#making === making) this.#making = undefined;
      }
      if (making.readers === 0) await making.close();
    }
  }
}

/** One making of a blob, in a file that grows while it is read. */
class Making {
  readers = 0;
  failed = false;
  readonly #control = new AbortController();
  readonly #file: Promise<FileHandle>;
  readonly #done: Promise<void>;
  /** How many bytes readers may have. */
  #ready = 0;
  #failure: unknown;
  #more = Promise.withResolvers<void>();

  constructor(
    source: ByteSource,
    descriptor: SharedBlob["descriptor"],
    { temporary, maxSpool }: SharedBlobOptions,
  ) {
    this.#file = unnamedFile(temporary);
    const what = `the blob ${descriptor.digest}`;
    const chunks = boundedSpool(verified(source.open(this.#control.signal), descriptor, what), {
      what,
      maxSpool,
    });
    this.#done = this.#write(chunks).catch((error) => {
      this.failed = true;
      this.#failure = error;
      this.#tell();
    });
  }

  async *read({ from, to }: ByteRange): AsyncGenerator<Uint8Array, void, void> {
    const file = await this.#file;
    for (let at = from; at < to; ) {
      while (this.#ready <= at && !this.failed) await this.#more.promise;
      if (this.failed) throw this.#failure;
      const buffer = Buffer.allocUnsafeSlow(Math.min(STEP, this.#ready - at, to - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new VarveError("UNREADABLE", "a temporary file was cut short");
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    this.#control.abort();
    await this.#done;
    await this.#file.then(
      (file) => file.close(),
      () => {},
    );
  }

  async #write(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await this.#file;
    let written = 0;
    for await (const chunk of chunks) {
      // The last chunk is only read when the next step has told that there was nothing wrong with the whole.
      this.#ready = written;
      this.#tell();
      if (this.#control.signal.aborted) return;
      for (let at = 0; at < chunk.length; ) {
        at += (await file.write(chunk, at, chunk.length - at, written + at)).bytesWritten;
      }
      written += chunk.length;
    }
    this.#ready = written;
    this.#tell();
  }

  #tell(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}
