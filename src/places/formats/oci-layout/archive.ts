import { VarveError } from "#errors";
import type { TarMember } from "#tar";
import { TarFile, type TarFileOptions } from "../tar-file.ts";
import type { LayoutFiles } from "./blobs.ts";

/** A layout in a tar archive, which is not unpacked. */
export class LayoutArchive implements LayoutFiles {
  readonly path: string;
  readonly #file: TarFile;

  /** The archive is closed with the layout. */
  constructor(file: TarFile) {
    this.#file = file;
    this.path = file.path;
  }

  /** @throws VarveError what `TarFile.open` throws */
  static async open(path: string, options: TarFileOptions = {}): Promise<LayoutArchive> {
    return new LayoutArchive(await TarFile.open(path, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  async document(name: string, limit: number): Promise<Uint8Array> {
    return await this.#file.read(this.#holder(name), limit);
  }

  async *open(
    name: string,
    expected: { size: number; signal?: AbortSignal | undefined },
  ): AsyncGenerator<Uint8Array, void, void> {
    const holder = this.#holder(name);
    if (holder.entry.size !== expected.size) {
      throw new VarveError(
        "SIZE_MISMATCH",
        `${name} of ${this.path} should have ${expected.size} bytes, but has ${holder.entry.size}`,
      );
    }
    yield* this.#file.content(holder).open(expected.signal);
  }

  #holder(name: string): TarMember {
    const member = this.#file.member(name);
    if (member === undefined) {
      throw new VarveError(
        "INVALID_IMAGE",
        `${this.path} is not a whole OCI image layout: ${name} is missing`,
      );
    }
    return this.#file.resolve(member);
  }
}
