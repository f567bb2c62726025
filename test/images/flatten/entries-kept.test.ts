import assert from "node:assert/strict";
import { it } from "node:test";
import { EntryType, type TarEntry } from "#tar";
import { EntriesKept } from "../../../src/images/flatten/entries-kept.ts";
import { LayeredTree } from "../../../src/images/flatten/tree.ts";

const entry = (name: string): TarEntry => {
  return { name, type: EntryType.file, mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 };
};
const tooLarge = {
  code: "TOO_LARGE",
  message: /^the layer has more files, or longer names, than fit in memory/,
};

it("a tree of more entries than fit in memory is refused, however few bytes they were", () => {
  const tree = new LayeredTree(new EntriesKept(100_000));
  const fill = (layer: number, count: number) => {
    for (let at = 0; at < count; at++) tree.apply(entry(`${at}`), { layer, position: at, what: "the layer" });
  };
  fill(0, 100);
  assert.throws(() => fill(1, 1000), tooLarge);
});

it("entries that others have taken the place of don't count", () => {
  const tree = new LayeredTree(new EntriesKept(100_000));
  for (let layer = 0; layer < 50; layer++) {
    for (let at = 0; at < 100; at++) tree.apply(entry(`${at}`), { layer, position: at, what: "the layer" });
  }
  assert.equal([...tree.entries()].length, 101);
});

it("long names and records count", () => {
  const kept = new EntriesKept(10_000);
  const pax = new Map([["SCHILY.xattr.user.long", "x".repeat(9000)]]);
  kept.add({ ...entry("a"), pax }, { what: "the layer" });
  assert.throws(() => kept.add(entry("b".repeat(4000)), { what: "the layer" }), tooLarge);
});
