/** ELF files for tests, made field by field: as small as a loader would take them. */

export interface ElfFields {
  /** 64 bits and x86-64 unless given. */
  readonly bits?: 32 | 64;
  readonly machine?: number;
  readonly isBigEndian?: boolean;
  /** 2 for a program at a fixed place, 3 (unless given) for what may be anywhere, 1 for an object file. */
  readonly type?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** By the names of the libraries. */
  readonly neededVersions?: Readonly<Record<string, readonly string[]>>;
  readonly versions?: readonly string[];
  /** More texts in its string table. */
  readonly symbols?: readonly string[];
  /** Bytes between the front and the dynamic section, which comes last. */
  readonly gap?: number;
  /** Bytes behind the file's header, in front of everything else. */
  readonly lead?: number;
}

/** The memory address of the file's first byte. */
const ADDRESS = 0x10000;

export function elfFile(fields: ElfFields = {}): Buffer {
  const { bits = 64, machine = 62, isBigEndian = false, type = 3, interpreter, gap = 0, lead = 0 } = fields;
  const wide = bits === 64;
  const texts = ["", ...textsOf(fields)];
  const strings = Buffer.from(`${texts.join("\0")}\0`, "latin1");
  const textAt = (text: string) => strings.indexOf(`\0${text}\0`, 0, "latin1") + 1;
  const w = new Writer(isBigEndian);

  const neededVersions = Object.entries(fields.neededVersions ?? {});
  const verneed = w.join(
    neededVersions.map(([file, versions], index) => {
      const length = 16 + 16 * versions.length;
      const last = index === neededVersions.length - 1;
      return [
        ...[w.half(1), w.half(versions.length), w.word(textAt(file)), w.word(16), w.word(last ? 0 : length)],
        ...versions.flatMap((version, at) => [
          ...[w.word(0), w.half(0), w.half(at + 2), w.word(textAt(version))],
          w.word(at === versions.length - 1 ? 0 : 16),
        ]),
      ];
    }),
  );
  const { versions = [] } = fields;
  const verdef = w.join(
    versions.map((version, index) => [
      ...[w.half(1), w.half(0), w.half(index + 1), w.half(1), w.word(0), w.word(20)],
      ...[w.word(index === versions.length - 1 ? 0 : 28), w.word(textAt(version)), w.word(0)],
    ]),
  );

  const headerLength = wide ? 64 : 52;
  const segmentLength = wide ? 56 : 32;
  const segments = 3;
  const path = Buffer.from(interpreter === undefined ? "" : `${interpreter}\0`, "latin1");
  const pathAt = headerLength + segments * segmentLength + lead;
  const stringsAt = pathAt + path.length;
  const verneedAt = stringsAt + strings.length;
  const verdefAt = verneedAt + verneed.length;
  const frontEnd = verdefAt + verdef.length;
  const dynamicAt = frontEnd + gap;

  const entries: [number, number][] = [
    ...(fields.needed ?? []).map((name): [number, number] => [1, textAt(name)]),
    [5, ADDRESS + stringsAt],
    [10, strings.length],
  ];
  if (fields.soname !== undefined) entries.push([14, textAt(fields.soname)]);
  if (fields.rpath !== undefined) entries.push([15, textAt(fields.rpath)]);
  if (fields.runpath !== undefined) entries.push([29, textAt(fields.runpath)]);
  if (neededVersions.length > 0) {
    entries.push([0x6ffffffe, ADDRESS + verneedAt], [0x6fffffff, neededVersions.length]);
  }
  if (versions.length > 0) entries.push([0x6ffffffc, ADDRESS + verdefAt], [0x6ffffffd, versions.length]);
  entries.push([0, 0]);
  const dynamic = Buffer.concat(
    entries.flatMap(([tag, value]) => [w.address(tag, wide), w.address(value, wide)]),
  );
  const end = dynamicAt + dynamic.length;

  const segment = (kind: number, start: number, length: number) => {
    const at = (value: number) => w.address(value, wide);
    const sizes = [at(start), at(ADDRESS + start), at(ADDRESS + start), at(length), at(length)];
    return Buffer.concat(
      wide ? [w.word(kind), w.word(4), ...sizes, at(8)] : [w.word(kind), ...sizes, w.word(4), w.word(4)],
    );
  };
  const ident = Buffer.from([
    0x7f,
    0x45,
    0x4c,
    0x46,
    wide ? 2 : 1,
    isBigEndian ? 2 : 1,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
  const header = Buffer.concat([
    ...[ident, w.half(type), w.half(machine), w.word(1), w.address(0, wide), w.address(headerLength, wide)],
    ...[w.address(0, wide), w.word(0), w.half(headerLength), w.half(segmentLength), w.half(segments)],
    ...[w.half(0), w.half(0), w.half(0)],
  ]);
  return Buffer.concat([
    header,
    segment(1, 0, end),
    segment(interpreter === undefined ? 0 : 3, pathAt, path.length),
    segment(2, dynamicAt, dynamic.length),
    ...[Buffer.alloc(lead, "lead"), path, strings, verneed, verdef, Buffer.alloc(gap), dynamic],
  ]);
}

function textsOf(fields: ElfFields): string[] {
  const { needed = [], soname, rpath, runpath, neededVersions = {}, versions = [], symbols = [] } = fields;
  const of = Object.entries(neededVersions).flatMap(([file, versions]) => [file, ...versions]);
  return [...needed, soname, rpath, runpath, ...of, ...versions, ...symbols].filter(
    (text) => text !== undefined,
  );
}

class Writer {
  readonly #isBig: boolean;

  constructor(isBigEndian: boolean) {
    this.#isBig = isBigEndian;
  }

  half(value: number): Buffer {
    const bytes = Buffer.alloc(2);
    if (this.#isBig) bytes.writeUInt16BE(value);
    else bytes.writeUInt16LE(value);
    return bytes;
  }

  word(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    if (this.#isBig) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  }

  address(value: number, wide: boolean): Buffer {
    if (!wide) return this.word(value);
    const high = this.word(Math.floor(value / 2 ** 32));
    const low = this.word(value % 2 ** 32);
    return Buffer.concat(this.#isBig ? [high, low] : [low, high]);
  }

  join(records: readonly (readonly Buffer[])[]): Buffer {
    return Buffer.concat(records.flat());
  }
}
