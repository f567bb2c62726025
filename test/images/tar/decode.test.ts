import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { EntryType, encodeHeader, readTar, type TarEntry } from "#tar";
import { mustRun } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import {
  blocks,
  comparable,
  END,
  gnuLong,
  header,
  members,
  memoryInput,
  names,
  pax,
} from "../../support/tar.ts";
import { smallEntry } from "../../support/tar-arbitraries.ts";
import { pythonArchives, pythonEntries } from "../../support/tar-oracle.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

/** Checks that varve reads these archives as Python does, and writes their headers again as Python does. */
async function assertAsPython(archives: readonly Buffer[]): Promise<void> {
  const answers = pythonEntries(archives);
  for (const [index, archive] of archives.entries()) {
    const expected = answers[index];
    assert.ok(expected, "Python takes the archive");
    const read = await members(archive);
    const actual = read.map(({ entry, offset }) => ({
      ...comparable(entry),
      offset,
      again: encodeHeader(entry).toString("hex"),
    }));
    assert.deepEqual(actual, expected);
  }
}

describe("an archive that CPython's tarfile wrote", { skip: requires("python") }, () => {
  for (const format of ["PAX", "GNU", "USTAR"] as const) {
    it(`in ${format} format is read as Python reads it`, async () => {
      const plain = smallEntry.map(({ mtime, ...fields }) => {
        return { ...fields, mtime: format === "PAX" ? mtime : Math.trunc(mtime) };
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(plain, { maxLength: 4 }), { minLength: 60, maxLength: 60, size: "max" }),
          async (lists) => {
            const archives = pythonArchives(lists.map((archive) => ({ archive, format })));
            // Not every entry fits into the older formats.
            const made = archives.filter((archive) => archive !== null);
            await assertAsPython(made);
          },
        ),
        { numRuns: 2 },
      );
    });
  }

  it("in USTAR format may have a folder whose name is all prefix", async () => {
    const entry = { name: "a".repeat(100), type: "5", mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
    const fields = { linkname: "", uname: "", gname: "", devmajor: 0, devminor: 0 };
    const archives = pythonArchives([{ archive: [{ ...entry, ...fields }], format: "USTAR" }] as never);
    await assertAsPython(archives.filter((archive) => archive !== null));
  });

  it("with a global header gives its records to every entry", async () => {
    const entry: TarEntry = { name: "a", type: "0", mode: 0o644, uid: 0, gid: 0, size: 3, mtime: 0 };
    const archive = [
      entry,
      { ...entry, name: "ü".repeat(80), uname: "own", pax: new Map([["comment", "mine"]]) },
      entry,
    ];
    const globals = { comment: "everyone's", gname: "group", mtime: "1.5", hdrcharset: "BINARY" };
    await assertAsPython(pythonArchives([{ archive, format: "PAX", globals }]).map((bytes) => bytes!));
  });
});

describe("an archive that GNU tar wrote", { skip: requires("python") }, () => {
  const formats = [
    ["--format=gnu"],
    ["--format=oldgnu"],
    ["--format=posix"],
    ["--format=ustar"],
    ["--format=v7"],
  ];
  for (const [format] of formats) {
    it(`with ${format} is read as Python reads it`, async (t) => {
      const folder = await temporaryFolder(t);
      const long = format === "--format=v7" || format === "--format=ustar" ? 90 : 230;
      writeTree(`${folder}/tree`, {
        dir: {
          file: { file: 700, mode: 0o4755 },
          empty: { file: "" },
          "not-utf8-\udcff": { file: "x" },
          ["n".repeat(long)]: { file: "long" },
          ü: { dir: { "😀": { file: "x" }, link: { link: "../file" } } },
          "long-link": { link: "l".repeat(long) },
          again: { hardLink: `${folder}/tree/file` },
          ...(format === "--format=v7" ? {} : { fifo: { fifo: true } }),
        },
      });
      const owners =
        format === "--format=posix" || format === "--format=gnu"
          ? ["--owner=big:9999999", "--mtime=@-5"]
          : [];
      const archive = `${folder}/archive.tar`;
      await mustRun(["tar", "-C", folder, format!, ...owners, "-cf", archive, "tree"]);
      const bytes = readFileSync(archive);
      assert.ok((await names(bytes)).includes("tree/not-utf8-\udcff"));
      await assertAsPython([bytes]);
    });
  }

  it("in posix format with fractions of seconds, and with a comment for all", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/tree`, { dir: { a: { file: "a" }, ["ü".repeat(100)]: { file: "b" } } });
    const archive = `${folder}/archive.tar`;
    const options = [
      "--pax-option=comment=all,delete=atime,delete=ctime",
      "--mtime=2020-01-01 00:00:00.123456Z",
    ];
    await mustRun(["tar", "-C", folder, "--format=posix", ...options, "-cf", archive, "tree"]);
    const bytes = readFileSync(archive);
    const [first] = await members(bytes);
    assert.equal(first!.entry.mtime, 1577836800.123456);
    assert.equal(first!.entry.pax?.get("comment"), "all");
    await assertAsPython([bytes]);
  });
});

describe("a reader of entries", () => {
  const two = Buffer.concat([
    header("a", { size: 700 }),
    blocks("x".repeat(700)),
    header("b", { size: 3 }),
    blocks("abc"),
    END,
  ]);

  it("reads an entry's content in parts, and not beyond its end", async () => {
    const contents: string[] = [];
    for await (const { entry, read } of readTar(memoryInput(two), "the archive")) {
      let content = "";
      for (let part = await read(512); part.length > 0; part = await read(512))
        content += Buffer.from(part).toString();
      contents.push(`${entry.name}:${content}`);
    }
    assert.deepEqual(contents, [`a:${"x".repeat(700)}`, "b:abc"]);
  });

  it("passes over what of a content isn't read", async () => {
    const starts: string[] = [];
    for await (const { read } of readTar(memoryInput(two), "the archive")) {
      starts.push(Buffer.from(await read(2)).toString());
    }
    assert.deepEqual(starts, ["xx", "ab"]);
  });

  it("ends at the first block of zeros, whatever is after it", async () => {
    assert.deepEqual(await names(Buffer.concat([header("a"), END.subarray(512), header("b"), END])), ["a"]);
    assert.deepEqual(await names(END), []);
  });

  it("takes a name from pax before GNU's, and GNU's before the header's", async () => {
    const file = header("short");
    assert.deepEqual(
      await names(
        Buffer.concat([
          gnuLong("L", "gnu"),
          file,
          gnuLong("L", "gnu"),
          pax({ path: "pax" }),
          file,
          pax({ path: "pax" }),
          gnuLong("L", "gnu"),
          file,
          file,
          END,
        ]),
      ),
      ["gnu", "pax", "pax", "short"],
    );
  });

  it("takes the prefix for a part of the name in POSIX's format alone", async () => {
    const fields = { prefix: "prefix" };
    assert.deepEqual(
      await names(
        Buffer.concat([
          header("posix", fields),
          header("gnu", { ...fields, magic: "ustar  \0" }),
          header("v7", { ...fields, magic: "\0\0\0\0\0\0\0\0" }),
          END,
        ]),
      ),
      ["prefix/posix", "gnu", "v7"],
    );
  });

  it("takes a nameless type with a slash behind the name for a directory, as before POSIX", async () => {
    const [member] = await members(Buffer.concat([header("dir/", { type: "\0" }), END]));
    assert.equal(member!.entry.type, EntryType.directory);
    assert.equal(member!.entry.name, "dir");
  });

  it("takes a number in a record that Python doesn't take for zero", async () => {
    for (const [mtime, expected] of [
      ["0x10", 0],
      ["Infinity", 0],
      ["", 0],
      ["abc", 0],
      [" 12.5 ", 12.5],
      ["1e3", 1000],
      [".5", 0.5],
      ["-.5", -0.5],
    ] as const) {
      const [member] = await members(Buffer.concat([pax({ mtime, uid: mtime }), header("a"), END]));
      assert.equal(member!.entry.mtime, expected, mtime);
      assert.equal(member!.entry.uid, 0, mtime);
    }
  });
});
