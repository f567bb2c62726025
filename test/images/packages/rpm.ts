/** Databases of rpm for tests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface RpmPackage {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  /** Bytes that make the header larger. */
  readonly more?: number;
  /** Further tags with their texts. */
  readonly texts?: Readonly<Record<number, readonly string[]>>;
}

/** A header as rpm's database has it. */
export function rpmHeader({ name, version, files, more = 0, texts = {} }: RpmPackage): Buffer {
  const folders = [...new Set(files.map((file) => file.slice(0, file.lastIndexOf("/") + 1)))];
  const text = (...texts: string[]) => Buffer.from(texts.map((each) => `${each}\0`).join(""));
  const numbers = Buffer.alloc(4 * files.length);
  for (const [at, file] of files.entries())
    numbers.writeUInt32BE(folders.indexOf(file.slice(0, file.lastIndexOf("/") + 1)), 4 * at);
  const values: [tag: number, type: number, count: number, data: Buffer][] = [
    [1000, 6, 1, text(name)],
    [1001, 6, 1, text(version)],
    [1002, 6, 1, text("1.fc40")],
    [1022, 6, 1, text("x86_64")],
    [1004, 7, more, Buffer.alloc(more, 7)],
    [1116, 4, files.length, numbers],
    [1117, 8, files.length, text(...files.map((file) => file.slice(file.lastIndexOf("/") + 1)))],
    [1118, 8, folders.length, text(...folders)],
    ...Object.entries(texts).map(([tag, all]): (typeof values)[number] => [
      ...([Number(tag), all.length === 1 ? 6 : 8, all.length] as const),
      text(...all),
    ]),
  ];
  const data: Buffer[] = [];
  let offset = 0;
  const index = values.map(([tag, type, count, bytes]) => {
    const entry = Buffer.alloc(16);
    for (const [at, value] of [tag, type, offset, count].entries()) entry.writeUInt32BE(value, 4 * at);
    data.push(bytes);
    offset += bytes.length;
    return entry;
  });
  const start = Buffer.alloc(8);
  start.writeUInt32BE(values.length, 0);
  start.writeUInt32BE(offset, 4);
  return Buffer.concat([start, ...index, ...data]);
}

/** A database with these blobs in its table of packages, as SQLite writes it, and other tables around that. */
export function rpmDatabase(blobs: readonly Uint8Array[], folder: string, pageSize = 4096): Buffer {
  const path = join(
    folder,
    `rpmdb-${pageSize}-${blobs.length}-${Math.floor(performance.now() * 1000)}.sqlite`,
  );
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA page_size = ${pageSize}`);
  database.exec("CREATE TABLE 'Name' (key TEXT, hnum INTEGER)");
  database.exec("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)");
  database.exec("CREATE INDEX 'by' ON 'Name' (key)");
  database.exec("BEGIN");
  const insert = database.prepare("INSERT INTO Packages (blob) VALUES (?)");
  for (const blob of blobs) insert.run(blob);
  database.exec("COMMIT");
  database.close();
  return readFileSync(path);
}
