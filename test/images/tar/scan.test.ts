import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readLayerTar, type TarEntry, TarScanner, writeTar } from "#tar";
import { blocks, END, header, memoryInput, pax } from "../../support/tar.ts";
import { smallEntry } from "../../support/tar-arbitraries.ts";

interface Seen {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly linkname: string | undefined;
  content: string;
}

/** What a scanner sees of an archive that comes in pieces of these lengths. */
function scanned(archive: Uint8Array, lengths: readonly number[]): Seen[] {
  const seen: Seen[] = [];
  let ended = 0;
  const scanner = new TarScanner({
    what: "the archive",
    onEntry({ name, type, mode, size, linkname }) {
      const one = { name, type, mode, size, linkname, content: "" };
      seen.push(one);
      return {
        piece(bytes) {
          one.content += Buffer.from(bytes).toString("latin1");
        },
        end() {
          ended++;
        },
      };
    },
  });
  let at = 0;
  for (let turn = 0; at < archive.length; turn++) {
    // A chunk's memory is used again.
    const chunk = Buffer.from(archive.subarray(at, at + lengths[turn % lengths.length]!));
    scanner.push(chunk);
    at += chunk.length;
    chunk.fill(0xaa);
  }
  scanner.finish();
  assert.equal(ended, seen.length);
  return seen;
}

/** The same by the reader of layers. */
async function read(archive: Buffer): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const { entry, read } of readLayerTar(memoryInput(archive), "the archive")) {
    const { name, type, mode, size, linkname } = entry;
    const isStored = !"12345".includes(type) || entry.pax?.has("size");
    const content = isStored ? Buffer.from(await read(size)).toString("latin1") : "";
    seen.push({ name, type, mode, size, linkname, content });
  }
  return seen;
}

const membersOf = (entries: readonly TarEntry[]) =>
  entries.map((entry) => ({ entry, content: entry.size === 0 ? [] : [Buffer.alloc(entry.size, "content")] }));

const pieces = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 });

describe("the scanner of layers", () => {
  it("sees what their reader reads, wherever chunks end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(smallEntry, { maxLength: 6 }), pieces, async (entries, lengths) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of writeTar(membersOf(entries))) chunks.push(Buffer.from(chunk));
        const archive = Buffer.concat(chunks);
        assert.deepEqual(scanned(archive, lengths), await read(archive));
      }),
      { numRuns: 100 },
    );
  });

  for (const name of ["names", "numbers", "types"]) {
    it(`sees what their reader reads in ${name}.tar`, async () => {
      const archive = readFileSync(new URL(`../../golden/${name}.tar`, import.meta.url));
      for (const length of [1, 511, 512, 10_000, archive.length]) {
        assert.deepEqual(scanned(archive, [length]), await read(archive));
      }
    });
  }

  it("knows a sparse file's name and size, and tells none of its content", () => {
    const records = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0" };
    const sparse = { ...records, "GNU.sparse.name": "real", "GNU.sparse.realsize": "5000" };
    const map = blocks("1\n0\n3\n");
    const archive = Buffer.concat([
      pax(sparse),
      header("GNUSparseFile.0/real", { size: map.length + 3 }),
      map,
      blocks("abc"),
      header("after", { size: 1 }),
      blocks("x"),
      END,
    ]);
    const seen: [string, number][] = [];
    const scanner = new TarScanner({
      what: "the archive",
      onEntry: ({ name, size }) => {
        seen.push([name, size]);
        return { piece: (bytes) => assert.equal(Buffer.from(bytes).toString(), "x"), end() {} };
      },
    });
    scanner.push(archive);
    scanner.finish();
    assert.deepEqual(seen, [
      ["real", 5000],
      ["after", 1],
    ]);
  });

  it("refuses what is cut short, and what is no archive", () => {
    const archive = Buffer.concat([header("file", { size: 10 }), blocks("0123456789")]);
    assert.equal(scanned(archive, [100]).length, 1, "there needn't be an end marker");
    for (const length of [100, 512 + 5]) {
      assert.throws(() => scanned(archive.subarray(0, length), [100]), { code: "INVALID_TAR" });
    }
    assert.throws(() => scanned(Buffer.alloc(1024, "no archive"), [100]), { code: "INVALID_TAR" });
  });
});
