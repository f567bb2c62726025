import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { canonicalise, storeName, withoutCycles } from "../../bench/fixtures/store.ts";

test("storeName is a name that Nix allows, and follows from name and version alone", () => {
  const name = storeName("libfoo++", "1:2.0~rc1-3");
  assert.match(name, /^[0-9a-df-np-sv-z]{32}-libfoo\+\+-1-2\.0-rc1-3$/);
  assert.equal(storeName("libfoo++", "1:2.0~rc1-3"), name);
  assert.notEqual(storeName("libfoo", "++1:2.0~rc1-3").slice(0, 32), name.slice(0, 32));
});

test("withoutCycles leaves out a reference back, and nothing else", () => {
  const needs: Record<string, string[]> = { a: ["c", "b", "a"], b: ["c"], c: ["a", "d"], d: [], e: ["a"] };
  const found = withoutCycles(["a"], (name) => needs[name]!);
  assert.deepEqual(Object.fromEntries(found), { a: ["b", "c"], b: ["c"], c: ["d"], d: [] });
});

test("canonicalise gives Nix' modes and times, and counts the bytes of the tree as a NAR", () => {
  const root = mkdtempSync(join(tmpdir(), "varve-bench-test-"));
  try {
    const tree = join(root, "tree");
    mkdirSync(join(tree, "empty"), { recursive: true });
    writeFileSync(join(tree, "text"), "nine byte");
    writeFileSync(join(tree, "program"), "", { mode: 0o700 });
    symlinkSync("text", join(tree, "link"));
    // What `nix-store --dump` writes for this tree.
    assert.deepEqual(canonicalise(tree), { narSize: 872, files: 2 });
    const modes = ["", "empty", "text", "program"].map((name) => lstatSync(join(tree, name)).mode & 0o7777);
    assert.deepEqual(modes, [0o555, 0o555, 0o444, 0o555]);
    assert.equal(lstatSync(join(tree, "link")).mtimeMs, 1000);
    assert.equal(lstatSync(tree).mtimeMs, 1000);
  } finally {
    chmodSync(join(root, "tree"), 0o755);
    rmSync(root, { recursive: true });
  }
});
