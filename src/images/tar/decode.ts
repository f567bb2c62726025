/**
 * Reads tar archives: ustar, pax (POSIX.1-2017), and GNU's long names and base-256 numbers. What an entry's fields
 * mean is what CPython's `tarfile` says. Which entries there are, and where their contents end, is what GNU tar says; if GNU
 * tar itself complains about a number or a record, the archive is refused.
 */
import { VarveError } from "#errors";
import { decodeHeader, TYPE_AT } from "./decode-header.ts";
import { BLOCK_SIZE, EntryType, padding, type TarEntry } from "./entry.ts";
import { ExtendedHeaders, isExtended, MAX_EXTENDED_SIZE } from "./extended.ts";
import { isSparse, sparseFailure, sparseFile } from "./sparse.ts";

/** Where an archive's bytes come from, front to back. */
export interface TarInput {
  /**
   * The next `length` bytes; fewer only at the end. They must not be changed afterwards.
   * @param into where they may go instead of into new memory; it has room for them
   */
  read(length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** Passes over `length` bytes; resolves to false if the input ends before. */
  skip(length: number): Promise<boolean>;
}

/** An entry, and where its content starts, in bytes from the archive's start. */
export interface TarMember {
  readonly entry: TarEntry;
  readonly offset: number;
}

/** An entry whose content may be read before the next one is asked for, in parts or whole. */
export interface ReadableEntry {
  readonly entry: TarEntry;
  /**
   * The next bytes of the content; fewer only at its end.
   * @param into as {@link TarInput.read} has it
   */
  read(length: number, into?: Uint8Array): Promise<Uint8Array>;
}

/**
 * The members of an archive in their order; a content that isn't read is passed over.
 * @param what names the archive in errors
 * @throws VarveError `INVALID_TAR` for a broken header, for an archive that is cut short, and for a sparse file, whose
 *   content isn't stored as it is
 */
export function readTar(input: TarInput, what: string): AsyncGenerator<TarMember & ReadableEntry> {
  return readMembers(input, { what, vouched: false });
}

/**
 * The entries of an archive whose digest is checked, such as a layer: at its end nothing can have been cut off. So it is read
 * the way programs read it that unpack layers (Go's archive/tar; mostly also GNU tar). It may end without an end marker, or
 * with half of one, or be empty; and sparse files come with their holes.
 * @param what names the archive in errors
 * @throws VarveError `INVALID_TAR` for a broken header, and for an archive that ends within a header or a content
 */
export function readLayerTar(input: TarInput, what: string): AsyncGenerator<ReadableEntry> {
  return readMembers(input, { what, vouched: true });
}

interface Reading {
  readonly what: string;
  /** Whether the input itself ensures that it ends where it should. */
  readonly vouched: boolean;
}

async function* readMembers(
  input: TarInput,
  reading: Reading,
): AsyncGenerator<TarMember & ReadableEntry, void, void> {
  const { what, vouched } = reading;
  const reader = new HeaderReader(input, reading);
  const extended = new ExtendedHeaders(what);
  for (;;) {
    const block = await reader.header();
    if (block === undefined) return;
    const raw = decodeHeader(block, what);
    if (isExtended(raw)) {
      extended.take(raw.type, await reader.payload(raw.size));
    } else {
      const entry = extended.entry(raw);
      const size = storedSize(entry, block[TYPE_AT]!);
      const offset = reader.position;
      let left = size;
      const read = async (length: number, into?: Uint8Array) => {
        const bytes = await reader.content(Math.min(length, left), into);
        left -= bytes.length;
        return bytes;
      };
      if (!isSparse(entry)) yield { entry, offset, read };
      else if (vouched) yield { offset, ...(await sparseFile({ entry, read, what })) };
      else throw sparseFailure(entry, what);
      await reader.skip(left);
      await reader.pad(size);
    }
  }
}

/** Keeps the position, and turns an early end into an error. */
class HeaderReader {
  readonly #input: TarInput;
  readonly #what: string;
  readonly #vouched: boolean;
  position = 0;

  constructor(input: TarInput, { what, vouched }: Reading) {
    this.#input = input;
    this.#what = what;
    this.#vouched = vouched;
  }

  /** The next header block, or undefined at the archive's end. */
  async header(): Promise<Uint8Array | undefined> {
    const block = await this.#input.read(BLOCK_SIZE);
    if (block.length === 0 && this.#vouched) return undefined;
    this.#passed(block, BLOCK_SIZE);
    return block.every((byte) => byte === 0) ? undefined : block;
  }

  /** The data of an extended header. */
  async payload(size: number): Promise<Uint8Array> {
    if (size > MAX_EXTENDED_SIZE) {
      throw new VarveError(
        "INVALID_TAR",
        `${this.#what} has an extended header of ${size} bytes at ${this.position}`,
      );
    }
    const bytes = await this.content(size);
    await this.pad(size);
    return bytes;
  }

  async content(length: number, into?: Uint8Array): Promise<Uint8Array> {
    return this.#passed(await this.#input.read(length, into), length);
  }

  /** Skips the padding after a content. */
  async pad(size: number): Promise<void> {
    const length = padding(size);
    if (length === 0) return;
    if (!(await this.#input.skip(length)) && !this.#vouched) throw this.#cutShort(this.position);
    this.position += length;
  }

  #passed(bytes: Uint8Array, length: number): Uint8Array {
    if (bytes.length < length) throw this.#cutShort(this.position + bytes.length);
    this.position += length;
    return bytes;
  }

  async skip(length: number): Promise<void> {
    if (length > 0 && !(await this.#input.skip(length))) throw this.#cutShort(this.position);
    this.position += length;
  }

  #cutShort(position: number): VarveError {
    return new VarveError(
      "INVALID_TAR",
      position === 0
        ? `${this.#what} is empty, not a tar archive`
        : `${this.#what} is cut short: the tar archive ends after ${position} bytes, without its end marker`,
    );
  }
}

/**
 * How many bytes of content follow an entry's header, as GNU tar has it: none after a directory's; after a hard
 * link's only what a pax record says; and those that the size says after any other, links and devices, too.
 * @param flag the type flag as the header has it
 */
export function storedSize({ size, pax }: TarEntry, flag: number): number {
  const type = String.fromCharCode(flag);
  if (type === EntryType.directory) return 0;
  return type === EntryType.hardLink && pax?.has("size") !== true ? 0 : size;
}
