/** Tar entries for properties. */
import fc from "fast-check";
import { EntryType, type TarEntry } from "#tar";

const character = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(..."abcXYZ019._-") },
  fc.constantFrom(" ", "\n", "=", "\\", "\x01", "\x7f", "é", "ß", "\u{d7ff}", "\u{e000}", "\u{ffff}", "😀"),
  // Bytes that aren't UTF-8, in whatever company.
  fc.constantFrom("\udc80", "\udcff"),
);

/** A word that is often about as long as a field. */
const word = (field: number) =>
  fc
    .tuple(
      fc.array(character, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(0, 0, field - 1, field, field + 1, 300),
    )
    .map(([characters, length]) => {
      const text = characters.join("");
      return length === 0 ? text : text.repeat(Math.ceil(length / text.length)).slice(0, length);
    })
    // A cut may leave half of a character.
    .map((text) => text.replace(/[\ud800-\udbff]$/, "x"));

export const path = fc.array(word(100), { minLength: 1, maxLength: 3 }).map((words) => words.join("/"));

export const owner = fc.oneof(fc.constantFrom("", "root"), word(32));

/** Numbers around what so many octal digits hold. */
const around = (digits: number, least: number) => {
  const limit = 8 ** digits;
  return fc.oneof(
    fc.constantFrom(0, 1, limit - 1, limit, limit + 1, 2 ** 40),
    fc.integer({ min: least, max: Number.MAX_SAFE_INTEGER }),
    fc.nat(100_000),
  );
};

const type = fc.constantFrom(...Object.values(EntryType));

/** Whatever an entry may be in varve's hands, but for pax records. */
export const entry: fc.Arbitrary<TarEntry> = fc.record({
  name: path,
  type,
  mode: fc.nat(0o7777),
  uid: around(7, -10),
  gid: around(7, -10),
  size: around(11, 0),
  mtime: fc.oneof(
    around(11, -(2 ** 40)),
    // Eighths of seconds are the same number in every notation.
    fc.integer({ min: -(2 ** 40), max: 2 ** 40 }).map((eighths) => eighths / 8),
  ),
  linkname: fc.oneof(fc.constant(""), path),
  uname: owner,
  gname: owner,
  devmajor: fc.nat(0xfff),
  devminor: fc.nat(0xfffff),
});

/** Pax records as an archive may have had them, some of them for the entry's own fields. */
export const paxRecords = fc
  .array(
    fc.oneof(
      fc.tuple(
        fc.constantFrom("path", "linkpath", "uname", "gname", "comment", "VENDOR.key", "SCHILY.xattr.a"),
        path,
      ),
      fc.tuple(
        fc.constantFrom("uid", "gid", "mtime"),
        fc.constantFrom("0", "7", "12.5", "-1", "99999999999999"),
      ),
    ),
    { maxLength: 4 },
  )
  .map((records) => new Map(records));

/** An entry with a content of few bytes, as archives for a test have them. */
export const smallEntry = fc
  .tuple(entry, fc.nat(1500))
  .map(([fields, size]) => ({ ...fields, size: fields.type === EntryType.file ? size : 0 }));
