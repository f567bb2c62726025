import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { rowsOf } from "../../../src/images/packages/sqlite.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { rpmDatabase } from "./rpm.ts";

const blobsOf = (file: Buffer) =>
  [...rowsOf(file, "Packages")].map(([, blob]) => (Buffer.isBuffer(blob) ? blob.toString("latin1") : ""));

describe("a table of an SQLite database", () => {
  const scope = stacked({ after });

  it("has the rows that SQLite wrote, of any size and in pages of any size", async () => {
    const folder = await temporaryFolder(scope);
    for (const pageSize of [512, 4096, 65536]) {
      for (const sizes of [[], [0], [1, 400, 480, 513, 3000, 4061, 4062, 70_000], Array(900).fill(300)]) {
        const blobs = sizes.map((size: number, at: number) => Buffer.alloc(size, at + 1));
        const found = blobsOf(rpmDatabase(blobs, folder, pageSize));
        assert.deepEqual(
          found,
          blobs.map((blob) => blob.toString("latin1")),
        );
      }
    }
  });

  it("is read to an end however it is damaged", async () => {
    const folder = await temporaryFolder(scope);
    const blobs = [10, 3000, 20_000, ...Array(200).fill(100)].map((size: number) => Buffer.alloc(size, 1));
    const sound = rpmDatabase(blobs, folder, 1024);
    const damage = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(damage, fc.nat(sound.length), (changes, length) => {
        const bytes = Buffer.from(sound);
        for (const [at, value] of changes) bytes[at] = value;
        let total = 0;
        for (const blob of [...blobsOf(bytes), ...blobsOf(bytes.subarray(0, length))]) total += blob.length;
        assert.ok(total <= 4 * sound.length);
      }),
      { numRuns: 500 },
    );
  });
});
