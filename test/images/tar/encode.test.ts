import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  BLOCK_SIZE,
  EntryType,
  encodeHeader,
  endOfArchive,
  headerLength,
  RECORD_SIZE,
  type TarEntry,
  writeHeader,
} from "#tar";
import { requires } from "../../support/systems.ts";
import { comparable, END, members } from "../../support/tar.ts";
import { entry, paxRecords } from "../../support/tar-arbitraries.ts";
import { pythonHeaders } from "../../support/tar-oracle.ts";

const FILE: TarEntry = { name: "file", type: EntryType.file, mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 };

function assertAsPython(entries: readonly TarEntry[]): void {
  const expected = pythonHeaders(entries);
  for (const [index, each] of entries.entries()) {
    const actual = encodeHeader(each).toString("hex");
    if (actual !== expected[index]) {
      const text = (hex: string | null | undefined) => Buffer.from(hex ?? "", "hex").toString("latin1");
      assert.equal(text(actual), text(expected[index]), JSON.stringify(comparable(each)));
    }
  }
}

describe("a header", () => {
  it("is what CPython's tarfile writes, whatever the entry", { skip: requires("python") }, () => {
    fc.assert(fc.property(fc.array(entry, { minLength: 100, maxLength: 300, size: "max" }), assertAsPython), {
      numRuns: 6,
    });
  });

  it("has the length that is told without it, whatever the entry", () => {
    const withRecords = fc
      .tuple(entry, fc.option(paxRecords, { nil: undefined }))
      .map(([fields, pax]) => (pax === undefined ? fields : { ...fields, pax }));
    fc.assert(fc.property(withRecords, (each) => headerLength(each) === encodeHeader(each).length));
  });

  it("keeps pax records that an entry has as CPython does", { skip: requires("python") }, () => {
    const withRecords = fc.tuple(entry, paxRecords).map(([fields, pax]) => ({ ...fields, pax }));
    fc.assert(
      fc.property(fc.array(withRecords, { minLength: 100, maxLength: 300, size: "max" }), assertAsPython),
      { numRuns: 4 },
    );
  });

  it("is what CPython writes at every limit of a field", { skip: requires("python") }, () => {
    const entries: TarEntry[] = [];
    for (const length of [98, 99, 100, 101, 155, 156, 255, 256, 257, 4096]) {
      for (const letter of ["n", "ü", "\udcff", "😀"]) {
        const name = letter.repeat(length);
        entries.push(
          { ...FILE, name },
          { ...FILE, name, type: EntryType.directory },
          { ...FILE, linkname: name },
        );
      }
    }
    for (const length of [31, 32, 33]) {
      entries.push({ ...FILE, uname: "u".repeat(length), gname: "ü".repeat(length) });
      entries.push({ ...FILE, uname: "\udc80".repeat(length), gname: "g".repeat(length) });
    }
    for (const limit of [8 ** 7, 8 ** 11]) {
      for (const value of [limit - 1, limit, limit + 1, -1, Number.MAX_SAFE_INTEGER]) {
        entries.push({ ...FILE, uid: value, gid: value, mtime: value });
        if (value > 0) entries.push({ ...FILE, size: value });
      }
    }
    // Python rounds halves to even.
    for (const mtime of [0.5, 1.5, 2.5, -0.5, -1.5, 0.25, 8 ** 11 - 0.5, 8 ** 11 - 1.5])
      entries.push({ ...FILE, mtime });
    // The records' own length has another digit just here.
    for (let length = 80; length < 110; length++) entries.push({ ...FILE, uname: "é".repeat(length / 2) });
    for (let length = 980; length < 1000; length++) entries.push({ ...FILE, name: "n".repeat(length) });
    assertAsPython(entries);
  });

  it("is read again as the same entry", async () => {
    await fc.assert(
      fc.asyncProperty(entry, async (fields) => {
        const archive = Buffer.concat([encodeHeader({ ...fields, size: 0 }), END]);
        const [member, ...others] = await members(archive);
        assert.equal(others.length, 0);
        const device = fields.type === EntryType.characterDevice || fields.type === EntryType.blockDevice;
        const { pax: _, ...read } = member!.entry;
        assert.deepEqual(read, { ...fields, size: 0, ...(device ? {} : { devmajor: 0, devminor: 0 }) });
      }),
    );
  });

  it("is written in place where there is room, and not at all where there is too little", () => {
    fc.assert(
      fc.property(entry, fc.nat(2000), fc.nat(4096), (fields, at, room) => {
        const target = Buffer.alloc(at + room, 0xaa);
        const untouched = Buffer.from(target);
        const whole = encodeHeader(fields);
        const length = writeHeader(fields, target, at);
        assert.equal(length, whole.length <= room ? whole.length : 0);
        assert.ok(target.subarray(at, at + length).equals(whole.subarray(0, length)));
        assert.ok(target.subarray(0, at).equals(untouched.subarray(0, at)));
        assert.ok(target.subarray(at + length).equals(untouched.subarray(at + length)));
      }),
    );
  });

  it("keeps the twelve permission bits and nothing else of a mode", () => {
    assert.equal(encodeHeader({ ...FILE, mode: 0o107777 }).toString("latin1", 100, 108), "0007777\0");
  });
});

describe("the end of an archive", () => {
  it("is at least two blocks of zeros and fills up the record", () => {
    for (let size = 0; size <= 3 * RECORD_SIZE; size += BLOCK_SIZE) {
      const end = endOfArchive(size);
      assert.ok(end.length >= 2 * BLOCK_SIZE && end.length < RECORD_SIZE + 2 * BLOCK_SIZE);
      assert.equal((size + end.length) % RECORD_SIZE, 0);
      assert.ok(end.every((byte) => byte === 0));
    }
  });
});
