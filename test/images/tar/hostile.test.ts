import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { VarveError } from "#errors";
import { EntryType, readTar } from "#tar";
import { run } from "../../support/process.ts";
import {
  blocks,
  END,
  gnuLong,
  header,
  memoryInput,
  names,
  pax,
  record,
  withChecksum,
} from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const refused = (archive: Buffer, wording = /./) =>
  assert.rejects(names(archive), (error) => {
    assert.ok(error instanceof VarveError, String(error));
    assert.equal(error.code, "INVALID_TAR");
    assert.match(error.message, /^the archive /);
    assert.match(error.message, wording);
    return true;
  });

/** What looks like an entry, where a reader that loses its step takes it for one. */
const SMUGGLED = header("smuggled");
const TAIL = Buffer.concat([header("tail", { size: 3 }), blocks("abc"), END]);

describe("an archive that is cut short", () => {
  it("is refused wherever it is cut before its end marker", async () => {
    const whole = Buffer.concat([
      pax({ comment: "everywhere" }, "g"),
      header("a", { size: 1500 }),
      blocks("a".repeat(1500)),
      pax({ path: "b".repeat(600) }),
      header("b", { size: 10 }),
      blocks("b".repeat(10)),
      gnuLong("L", "c".repeat(600)),
      header("c", { type: "5" }),
      END,
    ]);
    assert.deepEqual(await names(whole), ["a", "b".repeat(600), "c".repeat(600)]);
    for (let length = 0; length < whole.length - END.length; length += 512) {
      await refused(whole.subarray(0, length), length === 0 ? /is empty/ : /is cut short/);
      await refused(whole.subarray(0, length + 100), /is cut short/);
    }
  });
});

describe("an archive with a header that is wrong", () => {
  it("is refused for a checksum that is wrong, and for bytes that are no archive", async () => {
    const file = header("a");
    for (const at of [0, 100, 124, 148, 156, 257, 500]) {
      const damaged = Buffer.from(file);
      damaged[at] = damaged[at]! ^ 1;
      await refused(Buffer.concat([damaged, END]), /not a tar archive, or is damaged/);
    }
    await refused(Buffer.alloc(1024, "text "), /not a tar archive/);
    await refused(Buffer.alloc(1024, 0xff), /not a tar archive/);
  });

  it("is read when its checksum is the sum of signed bytes, as old archivers had it", async () => {
    const file = header("a\xff\xfe");
    const sum = file.reduce(
      (total, byte, at) => total + (at >= 148 && at < 156 ? 32 : (byte << 24) >> 24),
      0,
    );
    file.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    assert.deepEqual(await names(Buffer.concat([file, END])), ["a\udcff\udcfe"]);
  });

  for (const [what, at, length] of [
    ["mode", 100, 8],
    ["uid", 108, 8],
    ["gid", 116, 8],
    ["size", 124, 12],
    ["mtime", 136, 12],
    ["devmajor", 329, 8],
    ["devminor", 337, 8],
  ] as const) {
    it(`is refused for a ${what} that is no number`, async () => {
      for (const garbage of [
        "9",
        "1 2",
        "12x",
        "-1",
        "+1",
        "0x1",
        "\x80\xff\xff\xff\xff\xff\xff\xff",
        "\xc0\0\0",
      ]) {
        const block = header("a");
        block.fill(0, at, at + length);
        block.write(garbage, at, "latin1");
        await refused(Buffer.concat([withChecksum(block), END]), /number is malformed/);
      }
    });
  }

  it("is refused for a size that is negative, blank, or larger than any file", async () => {
    const number = (first: number, ...rest: number[]) =>
      Buffer.from([first, ...rest, ...Array(11 - rest.length).fill(rest.at(-1))]);
    await refused(Buffer.concat([header("a", { sizeField: number(0xff, 0xff) }), TAIL]), /negative/);
    await refused(Buffer.concat([header("a", { sizeField: " ".repeat(12) }), TAIL]), /blank/);
    await refused(Buffer.concat([header("a", { sizeField: number(0x80, 0xff) }), TAIL]), /malformed/);
    await refused(Buffer.concat([header("a", { sizeField: "77777777777\0" }), TAIL]), /cut short/);
    const terabytes = Buffer.from([0x80, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff]);
    await refused(Buffer.concat([header("a", { sizeField: terabytes }), TAIL]), /cut short|malformed/);
  });

  it("is refused for a sparse file, whose content isn't stored as it is", async () => {
    await refused(Buffer.concat([header("hole", { type: "S" }), TAIL]), /sparse file hole/);
    const sparse = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "hole" };
    await refused(
      Buffer.concat([pax(sparse), header("hole", { size: 512 }), blocks("1\n"), TAIL]),
      /sparse file hole/,
    );
  });
});

describe("an archive with extended headers that lie", () => {
  const file = Buffer.concat([header("a", { size: 512 }), SMUGGLED, TAIL]);

  it("is refused for pax records whose length is wrong", async () => {
    for (const records of [
      "20 path=abc\n",
      "11 path=abc\n",
      "13 path=abc\n",
      "5 path=abc\n",
      "0 path=abc\n",
      "-12 path=abc\n",
      "+12 path=abc\n",
      " 12 path=abc\n",
      "99999999999 path=abc\n",
      "9007199254740993 path=abc\n",
      "path=abc\n",
      "12path=abc\n",
      "12 pathabc\n\n",
      "12 path=abcd",
      "4 =\n",
      " ",
      "=",
      "12",
    ]) {
      await refused(Buffer.concat([pax(records), file]), /malformed pax record/);
      await refused(Buffer.concat([pax(records, "g"), file]), /malformed pax record/);
    }
  });

  it("is refused for records that readers understand differently", async () => {
    await refused(Buffer.concat([pax("13  size=512\n"), file]), /malformed pax record/);
    for (const key of ["path", "linkpath", "uname", "gname"]) {
      await refused(Buffer.concat([pax(record(key, "a\0b")), file]), /malformed pax record/);
    }
  });

  it("is refused for a size in a record that is no plain number", async () => {
    for (const size of [
      "",
      "abc",
      "512abc",
      "-1",
      "+512",
      "512.0",
      "0x200",
      " 512",
      "5e2",
      "9".repeat(16),
      "9".repeat(400),
    ]) {
      await refused(Buffer.concat([pax({ size }), file]), /malformed pax record/);
    }
  });

  it("is refused for an extended header of 100 MB before that is read", async () => {
    for (const type of ["x", "g", "X", "L", "K"]) {
      let longest = 0;
      const archive = Buffer.concat([
        header("././@PaxHeader", { type, size: 100_000_000 }),
        Buffer.alloc(4096),
        TAIL,
      ]);
      const input = memoryInput(archive);
      const watched = {
        ...input,
        read(length: number) {
          longest = Math.max(longest, length);
          return input.read(length);
        },
      };
      const reading = async () => {
        for await (const _ of readTar(watched, "the archive"));
      };
      await assert.rejects(reading(), { code: "INVALID_TAR", message: /extended header of 100000000 bytes/ });
      assert.ok(longest <= 512);
    }
  });
});

/** Every kind of entry whose reading differs between archivers. */
const TYPES = {
  file: "0",
  "file of old": "\0",
  "hard link": "1",
  symlink: "2",
  "character device": "3",
  "block device": "4",
  directory: "5",
  fifo: "6",
  "contiguous file": "7",
  "file of a kind that nobody knows": "Z",
  "GNU dump": "D",
  "volume label": "V",
} as const;

/** Archives in which the size that a reader goes by decides whether it sees the entry `smuggled`. */
function desynchronisations(): Map<string, Buffer> {
  const archives = new Map<string, Buffer>();
  const add = (name: string, ...parts: Buffer[]) =>
    archives.set(name, Buffer.concat([...parts, SMUGGLED, TAIL]));
  for (const [name, type] of Object.entries(TYPES)) {
    const entry = (size: number) => header("entry", { type, size, linkname: "x" });
    add(`a size on a ${name}`, entry(512));
    add(`a pax size on a ${name} whose header says 0`, pax({ size: "512" }), entry(0));
    add(`a pax size of 0 on a ${name} whose header says 512`, pax({ size: "0" }), entry(512));
    // Of a directory GNU tar itself loses the step.
    if (name !== "directory") add(`a global pax size before a ${name}`, pax({ size: "512" }, "g"), entry(0));
  }
  const empty = header("entry");
  const full = header("entry", { size: 512 });
  add("a name with a slash behind it and no type", header("entry/", { type: "\0", size: 512 }));
  add("a name with a slash behind it", header("entry/", { size: 512 }));
  add("GNU's long name between a pax size and its entry", pax({ size: "512" }), gnuLong("L", "long"), empty);
  add(
    "GNU's long name between a pax size of 0 and its entry",
    pax({ size: "0" }),
    gnuLong("L", "long"),
    full,
  );
  add("GNU's long link between a pax size and its entry", pax({ size: "512" }), gnuLong("K", "long"), empty);
  add("a pax size after GNU's long name", gnuLong("L", "long"), pax({ size: "512" }), empty);
  add("a pax name after GNU's long name", gnuLong("L", "long"), pax({ path: "pax" }), full);
  add("two pax headers in a row, the first with a size", pax({ size: "512" }), pax({ path: "pax" }), empty);
  add("two pax headers in a row, the second with a size", pax({ path: "pax" }), pax({ size: "512" }), empty);
  add(
    "a global header between a pax size and its entry",
    pax({ size: "512" }),
    pax({ comment: "x" }, "g"),
    empty,
  );
  add(
    "a global size that another global header ends",
    pax({ size: "512" }, "g"),
    pax({ comment: "x" }, "g"),
    empty,
  );
  add("a pax size over a global one", pax({ size: "3" }, "g"), pax({ size: "512" }), empty);
  add("a size twice in one pax header", pax(record("size", "0") + record("size", "512")), empty);
  add(
    "a size behind a NUL in a pax header",
    pax(`${record("path", "pax")}\0${record("size", "512")}`),
    empty,
  );
  add("a pax size in octal digits", pax({ size: "0000512" }), empty);
  add("Solaris's kind of pax header", pax({ size: "512" }, "X"), empty);
  for (const [name, sizeField] of [
    ["a size behind a NUL", "\x000000001000\0"],
    ["a size behind blanks", "       1000\0"],
    ["a size before a NUL and more digits", "1000\x000000001"],
    ["a size of NULs", "\0".repeat(12)],
    ["a size in base 256", Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0])],
  ] as const) {
    add(name, header("entry", { sizeField }));
  }
  archives.set("a pax header for nothing", Buffer.concat([header("a"), pax({ path: "p" }), END]));
  archives.set("a long name for nothing", Buffer.concat([header("a"), gnuLong("L", "p"), END]));
  return archives;
}

describe("the entries that varve lists are those that GNU tar lists", { concurrency: 2 }, () => {
  for (const [name, archive] of desynchronisations()) {
    it(`in an archive with ${name}`, async (t) => {
      const file = `${await temporaryFolder(t)}/archive.tar`;
      writeFileSync(file, archive);
      const listed = await run(["tar", "-tPf", file]);
      assert.equal(listed.code, 0, listed.stderr);
      const expected = listed.stdout.toString().split("\n").slice(0, -1);
      const plain = (path: string) => path.replace(/\/$/, "");
      assert.deepEqual((await names(archive)).map(plain), expected.map(plain));
    });
  }
});

describe("bytes that are anything", () => {
  const valid = Buffer.concat([
    pax({ comment: "x", gname: "g" }, "g"),
    header("dir/", { type: EntryType.directory }),
    pax({ path: "p".repeat(120), size: "5", mtime: "1.5" }),
    header("p", { size: 5 }),
    blocks("hello"),
    gnuLong("L", "l".repeat(120)),
    gnuLong("K", "k".repeat(120)),
    header("l", { type: EntryType.symlink, linkname: "k" }),
    ...[header("tail", { size: 3 }), blocks("abc"), END],
  ]);

  /** Reads everything; fails for an end that is neither entries nor a coded error. */
  async function readAll(bytes: Buffer): Promise<void> {
    try {
      for await (const { entry, read } of readTar(memoryInput(bytes), "the archive")) {
        assert.ok(Number.isSafeInteger(entry.size) && entry.size >= 0);
        await read(entry.size);
      }
    } catch (error) {
      assert.ok(error instanceof VarveError, String(error));
      assert.equal(error.code, "INVALID_TAR");
    }
  }

  it("are entries or a coded error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2048 }), (bytes) => readAll(Buffer.from(bytes))),
      { numRuns: 300 },
    );
  });

  it("are entries or a coded error after any change to an archive, its checksums made right again", async () => {
    const change = fc.tuple(fc.nat(valid.length - 1), fc.uint8Array({ minLength: 1, maxLength: 12 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 6 }),
        fc.nat(valid.length),
        async (changes, end) => {
          const bytes = Buffer.from(valid);
          for (const [at, replacement] of changes) bytes.set(replacement.subarray(0, bytes.length - at), at);
          for (let at = 0; at < bytes.length; at += 512) {
            if (bytes.toString("latin1", at + 257, at + 262) === "ustar")
              withChecksum(bytes.subarray(at, at + 512));
          }
          await readAll(bytes);
          await readAll(bytes.subarray(0, end));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
