/**
 * Sparse files in pax archives, which are stored without their holes: GNU tar manual, "PAX Format, Versions 0.0, 0.1 and
 * 1.0". They are read as Go's archive/tar reads them, and with it Docker, containerd, Podman and umoci. GNU's older form,
 * with a type flag of its own, is refused, as those refuse it.
 */
import { VarveError } from "#errors";
import { BLOCK_SIZE, EntryType, type TarEntry } from "./entry.ts";

const PREFIX = "GNU.sparse.";
export const SPARSE_OFFSET = `${PREFIX}offset`;
export const SPARSE_LENGTH = `${PREFIX}numbytes`;
export const SPARSE_MAP = `${PREFIX}map`;

/** The type flag of GNU's older form. */
const OLD_SPARSE = "S";

/** A map larger than this is an attack on memory; it is as much as other extended headers may have. */
const MAX_MAP_SIZE = 1024 * 1024;

/** A part of a file that is stored; what is between two of them is zeros. */
interface Piece {
  readonly start: number;
  readonly end: number;
}

/** A sparse file, and how to read it with its holes. */
export interface SparseFile {
  /** What the entry would be if it weren't sparse. */
  readonly entry: TarEntry;
  read(length: number): Promise<Uint8Array>;
}

/** An entry as it is stored. */
interface StoredFile {
  /** Its size is that of what is stored. */
  readonly entry: TarEntry;
  /** Reads what is stored. */
  readonly read: (length: number) => Promise<Uint8Array>;
  /** Names the archive in errors. */
  readonly what: string;
}

/** Whether an entry, or a global header's records, speak of a sparse file. */
export function isSparse({ type, pax }: Partial<Pick<TarEntry, "type" | "pax">>): boolean {
  if (type === OLD_SPARSE) return true;
  for (const key of pax?.keys() ?? []) if (key.startsWith(PREFIX)) return true;
  return false;
}

/** The error for a sparse file that can't be read. */
export function sparseFailure(entry: Pick<TarEntry, "name" | "pax">, what: string): VarveError {
  return new VarveError(
    "INVALID_TAR",
    `${what} has the sparse file ${nameOf(entry)} in a form that varve doesn't read; make the archive without sparse files`,
  );
}

/**
 * Reads the map of a sparse file.
 * @throws VarveError `INVALID_TAR` for GNU's older form, for a form that isn't known, and for a map that is wrong
 */
export async function sparseFile({ entry, read, what }: StoredFile): Promise<SparseFile> {
  const records = new Map(entry.pax);
  const name = nameOf(entry);
  const broken = () =>
    new VarveError("INVALID_TAR", `${what} has the sparse file ${name}, whose map is wrong`);
  const form = formOf(entry, records);
  if (form === undefined) throw sparseFailure(entry, what);
  const size = number(records.get(`${PREFIX}size`) || records.get(`${PREFIX}realsize`)) ?? entry.size;
  const map = form === "1.0" ? await mapInContent(read, entry.size) : mapInRecords(records);
  const pieces = map && piecesOf(map.numbers, size);
  if (map === undefined || pieces === undefined) throw broken();
  const stored = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
  if (stored !== entry.size - map.stored) throw broken();

  for (const key of [...records.keys()]) if (key.startsWith(PREFIX)) records.delete(key);
  // If the file is stored under another name, the record says its real name.
  records.delete("size");
  if (name !== entry.name) records.delete("path");
  const { pax: _, ...others } = entry;
  const whole = { ...others, name, size, ...(records.size > 0 ? { pax: records } : {}) };
  return { entry: whole, read: withHoles(pieces, { size, read }) };
}

/** The file's name. The entry may have another name, for readers that don't know sparse files. */
function nameOf({ name, pax }: Pick<TarEntry, "name" | "pax">): string {
  return pax?.get(`${PREFIX}name`) || name;
}

/** What a sparse entry is, without its map: its real name and size. */
export function sparseEntry(entry: TarEntry): TarEntry {
  const { pax } = entry;
  const size = number(pax?.get(`${PREFIX}size`) || pax?.get(`${PREFIX}realsize`)) ?? entry.size;
  return { ...entry, name: nameOf(entry), size };
}

/** The version of the form; optional for 0.0 and 0.1. */
function formOf({ type }: TarEntry, records: ReadonlyMap<string, string>): "0.x" | "1.0" | undefined {
  if (type !== EntryType.file && type !== EntryType.contiguous && type !== "\0") return undefined;
  const version = `${records.get(`${PREFIX}major`) ?? ""}.${records.get(`${PREFIX}minor`) ?? ""}`;
  if (version === "1.0") return "1.0";
  if (version === "0.0" || version === "0.1") return "0.x";
  // Go takes one that has neither a version nor a map for a file without holes, and GNU tar doesn't.
  return version === "." && records.get(SPARSE_MAP) ? "0.x" : undefined;
}

interface SparseMap {
  /** Where each piece starts, and how long it is, in turn. */
  readonly numbers: readonly number[];
  /** How many bytes of the content the map takes. */
  readonly stored: number;
}

function mapInRecords(records: ReadonlyMap<string, string>): SparseMap | undefined {
  const text = records.get(SPARSE_MAP) ?? "";
  const numbers = text === "" ? [] : text.split(",").map(number);
  const count = number(records.get(`${PREFIX}numblocks`));
  if (count === undefined || numbers.length !== 2 * count) return undefined;
  return { numbers: numbers.map((value) => value ?? Number.NaN), stored: 0 };
}

/** The map in front of the content: the number of pieces, then their numbers, each on a line. */
async function mapInContent(read: StoredFile["read"], size: number): Promise<SparseMap | undefined> {
  const numbers: number[] = [];
  let rest = "";
  for (let stored = BLOCK_SIZE; stored <= Math.min(size, MAX_MAP_SIZE); stored += BLOCK_SIZE) {
    const lines = (rest + Buffer.from(await read(BLOCK_SIZE)).toString("latin1")).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      // After the last number there is only padding.
      if (numbers.length > 2 * (numbers[0] ?? 1)) break;
      numbers.push(number(line) ?? Number.NaN);
    }
    const [count, ...others] = numbers;
    if (count !== undefined && !(count >= 0)) return undefined;
    if (count !== undefined && others.length === 2 * count) return { numbers: others, stored };
  }
  return undefined;
}

/** The pieces in their order; undefined if they overlap, or are beyond the file's end. */
function piecesOf(numbers: readonly number[], size: number): Piece[] | undefined {
  const pieces: Piece[] = [];
  let last = 0;
  for (let at = 0; at < numbers.length; at += 2) {
    const start = numbers[at]!;
    const end = start + numbers[at + 1]!;
    if (!(start >= last && end <= size)) return undefined;
    if (end > start) pieces.push({ start, end });
    last = end;
  }
  return pieces;
}

function number(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Reads on through pieces and the holes between them. */
function withHoles(
  pieces: readonly Piece[],
  { size, read }: { size: number; read: StoredFile["read"] },
): (length: number) => Promise<Uint8Array> {
  let at = 0;
  let next = 0;
  return async (length) => {
    const from = at;
    const end = Math.min(size, at + length);
    const bytes = Buffer.alloc(end - from);
    while (at < end) {
      const piece = pieces[next];
      if (piece === undefined || piece.start >= end) {
        at = end;
      } else {
        at = Math.max(at, piece.start);
        const taken = Math.min(end, piece.end) - at;
        bytes.set(await read(taken), at - from);
        at += taken;
        if (at === piece.end) next++;
      }
    }
    return bytes;
  };
}
