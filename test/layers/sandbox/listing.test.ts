import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { changesBetween, readListing } from "../../../src/layers/sandbox/listing.ts";

/** What the sandbox lists of a folder that has another in it. */
function listing({ inode, born, changed }: { inode: number; born: number; changed: number }) {
  const lines = [
    `d 1 2 755 ${changed} `,
    `d 1 ${inode} 755 ${changed} a b`,
    "born 5.000000000 .",
    `born ${born} ./a b`,
  ];
  return readListing(Readable.from([Buffer.from(lines.map((line) => `${line}\0`).join(""))]));
}

describe("what a script changed in place", () => {
  it("has a directory replaced by one that was given the same inode number", async () => {
    const before = await listing({ inode: 7, born: 10, changed: 10 });
    const after = await listing({ inode: 7, born: 20, changed: 20 });
    assert.deepEqual([...changesBetween(before, after).replaced], ["a b"]);
  });

  it("has a directory replaced by one with another inode number, where nothing knows when it was made", async () => {
    const before = await listing({ inode: 7, born: 0, changed: 10 });
    const after = await listing({ inode: 8, born: 0, changed: 20 });
    assert.deepEqual([...changesBetween(before, after).replaced], ["a b"]);
  });

  it("has a directory changed whose files or permissions are others", async () => {
    const before = await listing({ inode: 7, born: 10, changed: 10 });
    const after = await listing({ inode: 7, born: 10, changed: 20 });
    const { kept, replaced } = changesBetween(before, after);
    assert.deepEqual([[...kept], [...replaced]], [["", "a b"], []]);
  });
});
