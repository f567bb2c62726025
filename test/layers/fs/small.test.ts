/** Whether there is little to pack. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { areSmall, type LayerRecipe } from "#fs";
import { temporaryFolder } from "../../support/tmp.ts";

const recipe = (...sources: string[]): LayerRecipe => ({
  items: sources.map((source) => ({ kind: "tree", source, target: source })),
  owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
  mtime: 1,
  modes: "keep",
  components: [],
});

describe("recipes are small", () => {
  it("up to so many files, and so many bytes, all together", async (t) => {
    const folder = await temporaryFolder(t);
    for (const name of ["a", "b"]) {
      mkdirSync(join(folder, name, "deep"), { recursive: true });
      writeFileSync(join(folder, name, "deep/file"), "x".repeat(100));
    }
    symlinkSync("/", join(folder, "a/link"));
    const recipes = [recipe(join(folder, "a")), recipe(join(folder, "b"))];
    assert.equal(areSmall(recipes, { files: 7, bytes: 200 }), true);
    assert.equal(areSmall(recipes, { files: 6, bytes: 200 }), false);
    assert.equal(areSmall(recipes, { files: 7, bytes: 199 }), false);
    assert.equal(areSmall([], { files: 0, bytes: 0 }), true);
  });

  it("if some of their files can't be looked at, no more than they would be otherwise", async (t) => {
    const folder = await temporaryFolder(t);
    assert.equal(areSmall([recipe(join(folder, "missing"))], { files: 1, bytes: 0 }), true);
    assert.equal(areSmall([recipe(join(folder, "missing"))], { files: 0, bytes: 0 }), false);
  });
});
