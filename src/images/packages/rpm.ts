/** RPM's packages, in its database since RPM 4.16: a table of headers, as rpm's "Package format" has them, without the lead. */
import { decodeName } from "#util";
import { rowsOf } from "./sqlite.ts";
import { type Reading, versionIn } from "./types.ts";

/** Where the database is. */
export const RPM_DATABASES = ["usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"];

/** What a header has: rpm's "Package format", section "Header tags". */
export const RPM_TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  vendor: 1011,
  licence: 1014,
  architecture: 1022,
  source: 1044,
  provides: 1047,
  requires: 1049,
  folderOfFile: 1116,
  files: 1117,
  folders: 1118,
} as const;

/** Whether a path is a part of the database. */
export function isRpm(path: string): boolean {
  return RPM_DATABASES.includes(path);
}

/** Reads which files RPM packages have. */
export async function readRpm({ bytes, packages, claims }: Reading): Promise<void> {
  for (const database of RPM_DATABASES) {
    const file = await bytes(database);
    if (file === undefined) continue;
    for (const header of rpmHeaders(file)) {
      const [name = ""] = header.texts(RPM_TAG.name, 1);
      const [architecture = "noarch"] = header.texts(RPM_TAG.architecture, 1);
      if (versionIn(name) === "" || versionIn(architecture) === "") continue;
      const id = `rpm:${name}.${architecture}`;
      const version = [...header.texts(RPM_TAG.version, 1), ...header.texts(RPM_TAG.release, 1)].join("-");
      packages.set(id, { id, version: versionIn(version) });
      for (const path of header.paths()) claims.claim(path, id);
    }
  }
}

/** The headers of a database's packages. */
export function* rpmHeaders(database: Buffer): Generator<RpmHeader, void, void> {
  for (const [, blob] of rowsOf(database, "Packages")) {
    if (Buffer.isBuffer(blob)) yield new RpmHeader(blob);
  }
}

/** A header: an index of tags with the types, places and numbers of their values, and then these. */
export class RpmHeader {
  readonly #bytes: Buffer;
  readonly #entries = new Map<
    number,
    { readonly type: number; readonly offset: number; readonly count: number }
  >();

  constructor(bytes: Buffer) {
    const count = bytes.length >= 8 ? bytes.readUInt32BE(0) : 0;
    const start = 8 + 16 * count;
    this.#bytes = start <= bytes.length ? bytes.subarray(start) : Buffer.alloc(0);
    for (let at = 8; at < start && start <= bytes.length; at += 16) {
      this.#entries.set(bytes.readUInt32BE(at), {
        type: bytes.readUInt32BE(at + 4),
        offset: bytes.readUInt32BE(at + 8),
        count: bytes.readUInt32BE(at + 12),
      });
    }
  }

  /** Texts end with a zero byte, and are one or several. */
  texts(tag: number, most = Number.POSITIVE_INFINITY): string[] {
    const { type, offset = 0, count = 0 } = this.#entries.get(tag) ?? {};
    const texts: string[] = [];
    if (type !== 6 && type !== 8) return texts;
    for (let at = offset; texts.length < Math.min(count, most) && at < this.#bytes.length; ) {
      const end = this.#bytes.indexOf(0, at);
      if (end < 0) break;
      texts.push(decodeName(this.#bytes.subarray(at, end)));
      at = end + 1;
    }
    return texts;
  }

  /** The paths of the package's files. */
  paths(): string[] {
    const folders = this.texts(RPM_TAG.folders);
    const places = this.numbers(RPM_TAG.folderOfFile);
    return this.texts(RPM_TAG.files).map((file, at) => `${folders[places[at] ?? -1] ?? ""}${file}`);
  }

  numbers(tag: number): number[] {
    const { type, offset = 0, count = 0 } = this.#entries.get(tag) ?? {};
    const numbers: number[] = [];
    if (type !== 4) return numbers;
    for (let at = offset; numbers.length < count && at + 4 <= this.#bytes.length; at += 4)
      numbers.push(this.#bytes.readUInt32BE(at));
    return numbers;
  }
}
