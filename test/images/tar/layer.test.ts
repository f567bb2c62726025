import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readLayerTar, readTar } from "#tar";
import { mustRun } from "../../support/process.ts";
import { writeSparse } from "../../support/sparse-file.ts";
import { blocks, END, header, memoryInput, pax, record } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const refusal = (message: RegExp) => ({ name: "VarveError", code: "INVALID_TAR", message });

/** The contents by name, read in parts of that many bytes. */
async function contents(archive: Buffer, part = 64 * 1024): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { entry, read } of readLayerTar(memoryInput(archive), "the layer")) {
    const parts: Uint8Array[] = [];
    for (let bytes = await read(part); bytes.length > 0; bytes = await read(part)) parts.push(bytes);
    const content = Buffer.concat(parts);
    assert.equal(content.length, entry.size, entry.name);
    assert.ok(![...(entry.pax?.keys() ?? [])].some((key) => key.startsWith("GNU.sparse.")), entry.name);
    found[entry.name] = content.toString("latin1");
  }
  return found;
}

const FILE = Buffer.concat([header("a", { size: 3 }), blocks("abc")]);

describe("a layer's archive", () => {
  for (const [what, archive] of [
    ["without an end marker", FILE],
    ["with half of an end marker", Buffer.concat([FILE, END.subarray(512)])],
    ["whose last block isn't filled up", FILE.subarray(0, 515)],
    ["that ends with records for no entry", Buffer.concat([FILE, pax({ comment: "none" })])],
    ["with zeros behind its end", Buffer.concat([FILE, END, Buffer.alloc(700)])],
    ["with another archive behind its end", Buffer.concat([FILE, END, header("b"), END])],
  ] as const) {
    it(`${what} is read, as its digest says that nothing was cut off`, async () => {
      assert.deepEqual(await contents(archive), { a: "abc" });
    });
  }

  it("may be empty", async () => {
    assert.deepEqual(await contents(Buffer.alloc(0)), {});
    assert.deepEqual(await contents(END), {});
  });

  it("is refused where it ends within a header or a content, which nobody reads", async () => {
    for (const length of [1, 511, 512, 514]) {
      await assert.rejects(contents(FILE.subarray(0, length)), refusal(/^the layer is cut short/));
    }
    await assert.rejects(contents(Buffer.concat([FILE, Buffer.alloc(100)])), refusal(/cut short/));
  });
});

/** A file with a hole in front, between its pieces and behind them. */
const SPARSE = `${"\0".repeat(1000)}first${"\0".repeat(4095)}second${"\0".repeat(2000)}`;
const STORED = blocks("firstsecond");
const MAP = "1000,5,5100,6";
const named = { "GNU.sparse.name": "hole", "GNU.sparse.realsize": String(SPARSE.length) };
const oneZero = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", ...named };
const mapBlock = (text: string) => blocks(text);

function form10(map: string, { stored = 11, records = oneZero as Record<string, string> } = {}): Buffer {
  const file = header("GNUSparseFile.1/hole", { size: 512 + stored });
  return Buffer.concat([pax(records), file, mapBlock(map), STORED, END]);
}

function form01(records: Record<string, string>, fields: { type?: string; size?: number } = {}): Buffer {
  return Buffer.concat([pax(records), header("hole", { size: 11, ...fields }), STORED, END]);
}

const ZERO_ONE = { "GNU.sparse.size": String(SPARSE.length), "GNU.sparse.numblocks": "2" };

describe("a sparse file of a layer", () => {
  for (const [form, archive] of [
    ["1.0", form10("2\n1000\n5\n5100\n6\n")],
    ["0.1", form01({ ...ZERO_ONE, "GNU.sparse.map": MAP })],
    [
      "0.0",
      Buffer.concat([
        pax(
          [
            ["GNU.sparse.size", String(SPARSE.length)],
            ["GNU.sparse.numblocks", "2"],
            ["GNU.sparse.offset", "1000"],
            ["GNU.sparse.numbytes", "5"],
            ["GNU.sparse.offset", "5100"],
            ["GNU.sparse.numbytes", "6"],
          ]
            .map(([key, value]) => record(key!, value!))
            .join(""),
        ),
        header("hole", { size: 11 }),
        STORED,
        END,
      ]),
    ],
  ] as const) {
    it(`in form ${form} is read with its holes, in parts of any size`, async () => {
      for (const part of [1, 7, 512, 100_000]) {
        assert.deepEqual(await contents(archive, part), { hole: SPARSE }, `${part}`);
      }
    });

    it(`in form ${form} is passed over, and refused where it is to be read as it is stored`, async () => {
      const two = Buffer.concat([archive.subarray(0, -END.length), FILE, END]);
      const names: string[] = [];
      for await (const { entry } of readLayerTar(memoryInput(two), "the layer")) names.push(entry.name);
      assert.deepEqual(names, ["hole", "a"]);
      await assert.rejects(readTar(memoryInput(two), "the archive").next(), refusal(/sparse file hole/));
    });
  }

  it("may be one hole, whole", async () => {
    assert.deepEqual(await contents(form10("0\n", { stored: 0 }).subarray(0, -END.length - 512)), {
      hole: "\0".repeat(SPARSE.length),
    });
  });

  it("is refused for a map that is wrong", async () => {
    for (const map of [
      "2\n1000\n5\n5100\n",
      "2\n1000\n5\n1004\n6\n",
      "2\n5100\n6\n1000\n5\n",
      "2\n1000\n5\n5100\n7\n",
      "2\n1000\n5\n8100\n6\n",
      "2\n1000\n-5\n5100\n16\n",
      "1\n1000\n5\n",
      "x\n",
      "-1\n",
      "99999999999\n1\n1\n",
      "2\n\n\n\n\n",
      "",
    ]) {
      await assert.rejects(contents(form10(map)), refusal(/the sparse file hole, whose map is wrong/), map);
    }
    for (const records of [
      { ...ZERO_ONE, "GNU.sparse.map": "1000,5,5100" },
      { ...ZERO_ONE, "GNU.sparse.map": "1000,5" },
      { "GNU.sparse.size": "9", "GNU.sparse.map": MAP },
      { ...ZERO_ONE, "GNU.sparse.numblocks": "3", "GNU.sparse.map": MAP },
    ]) {
      await assert.rejects(contents(form01(records)), refusal(/map is wrong/));
    }
    const twice = record("GNU.sparse.offset", "1").repeat(2);
    await assert.rejects(contents(Buffer.concat([pax(twice), FILE])), refusal(/malformed pax record/));
  });

  it("is refused in forms that Docker, containerd and umoci don't read, or not all in one way", async () => {
    const unread = refusal(/in a form that varve doesn't read/);
    await assert.rejects(
      contents(form10("2\n1000\n5\n5100\n6\n", { records: { ...oneZero, "GNU.sparse.minor": "1" } })),
      unread,
    );
    await assert.rejects(contents(form01({ ...ZERO_ONE, "GNU.sparse.map": MAP }, { type: "5" })), unread);
    await assert.rejects(contents(form01(ZERO_ONE)), unread);
    const nothing = { ...ZERO_ONE, "GNU.sparse.numblocks": "0", "GNU.sparse.map": "" };
    await assert.rejects(contents(form01(nothing, { size: 0 })), unread);
    await assert.rejects(contents(Buffer.concat([header("hole", { type: "S" }), END])), unread);
    await assert.rejects(contents(Buffer.concat([pax({ "GNU.sparse.map": MAP }, "g"), FILE])), unread);
  });

  it("is what GNU tar stored, whatever its pieces", async (t) => {
    const folder = await temporaryFolder(t);
    const piece = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 9000 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: 1, maxLength: 30 }),
        fc.nat({ max: 5000 }),
        async (pieces, tail) => {
          const name = `${"long/".repeat(tail % 30)}hole`;
          const parts = pieces.flatMap(([hole, length]) => [
            Buffer.alloc(hole * 4096),
            Buffer.alloc(length, "x"),
          ]);
          const whole = Buffer.concat([...parts, Buffer.alloc(tail)]);
          writeSparse(`${folder}/hole`, whole);
          for (const version of ["0.0", "0.1", "1.0"]) {
            await mustRun([
              ...([
                "tar",
                "-C",
                folder,
                "--format=posix",
                "--sparse",
                `--sparse-version=${version}`,
              ] as const),
              ...["--hole-detection=raw", `--transform=s,^hole$,${name},`, "-cf", `${folder}/a.tar`, "hole"],
            ]);
            const archive = readFileSync(`${folder}/a.tar`);
            assert.ok(archive.includes("GNU.sparse."));
            const found = await contents(archive);
            assert.deepEqual(Object.keys(found), [name]);
            assert.ok(found[name] === whole.toString("latin1"), version);
          }
        },
      ),
      { numRuns: 12 },
    );
  });
});
