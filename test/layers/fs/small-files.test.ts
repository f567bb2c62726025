import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type LayerRecipe, listRecipe, packLayer, roomForSmallFiles } from "#fs";
import { CHUNK_SIZE } from "#util";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

const recipeOf = (source: string): LayerRecipe => ({
  items: [
    {
      kind: "entry",
      entry: { name: "/own", type: "0", mode: 0o644 },
      content: Buffer.from("content of its own"),
    },
    { kind: "tree", source, target: "/tree" },
  ],
  owner: { uid: 0, gid: 0, uname: "", gname: "" },
  mtime: 1,
  modes: "keep",
  components: [],
});

function pack(...input: Parameters<typeof packLayer>): Buffer {
  return Buffer.concat([...packLayer(...input)].map((chunk) => Buffer.from(chunk)));
}

describe("the small files of a layer", () => {
  it("stand in for themselves when it is packed again, whatever its files and the room", async (t) => {
    const folder = await temporaryFolder(t);
    const size = fc.oneof(
      fc.nat(9000),
      fc.constantFrom(0, 1, 512, 8191, 8192, 8193, CHUNK_SIZE - 3000, CHUNK_SIZE),
    );
    const limit = fc.oneof(fc.constantFrom(0, 1), fc.nat(40_000));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 12 }), limit, (sizes, limit) => {
        const root = `${folder}/tree`;
        writeTree(root, {
          dir: Object.fromEntries(sizes.map((size, index) => [`${index}`, { file: size }])),
        });
        const recipe = recipeOf(root);
        const listings = listRecipe(recipe);
        const keep = roomForSmallFiles(listings, limit);
        assert.ok(keep.bytes.length <= limit);
        const packed = pack(recipe, { listings, keep });
        assert.ok(packed.equals(pack(recipe, { listings })));
        for (const [index, size] of sizes.entries()) {
          // These aren't looked at any more.
          if (size <= keep.largest) writeFileSync(`${root}/${index}`, "another content");
        }
        assert.ok(packed.equals(pack(recipe, { listings, kept: keep })));
        rmSync(root, { recursive: true });
      }),
    );
  });

  it("are the smallest of all its trees, as many as there is room for", async (t) => {
    const folder = await temporaryFolder(t);
    const files = (...sizes: number[]) =>
      writeTree(`${folder}/${sizes.join("-")}`, {
        dir: Object.fromEntries(sizes.map((size) => [`${size}`, { file: size }])),
      });
    files(10, 3000, 8192);
    files(20, 2000, 8193);
    const items = ["10-3000-8192", "20-2000-8193"].map(
      (name) => ({ kind: "tree", source: `${folder}/${name}`, target: `/${name}` }) as const,
    );
    const listings = listRecipe({ ...recipeOf(""), items });
    const rooms = [9, 10, 2030, 5029, 5030, 1_000_000].map((limit) => {
      const { largest, bytes } = roomForSmallFiles(listings, limit);
      return [largest >= 10, largest >= 20, largest >= 3000, largest >= 8192, largest >= 8193, bytes.length];
    });
    assert.deepEqual(rooms, [
      [false, false, false, false, false, 0],
      [true, false, false, false, false, 10],
      [true, true, false, false, false, 2030],
      [true, true, false, false, false, 2030],
      [true, true, true, false, false, 5030],
      [true, true, true, true, false, 13_222],
    ]);
  });
});
