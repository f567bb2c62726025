import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph } from "#graph";
import { keysOf, versionOf } from "#layering";
import { anyReferences, graphOf } from "./graphs.ts";

const HASH = "0123456789abcdfghijklmnpqrsvwxyz";
const OTHER = "zyxwvsrqpnmlkjihgfdcba9876543210";

const keys = (...names: string[]) => [
  ...keysOf(graphOf(Object.fromEntries(names.map((name) => [`/nix/store/${name}`, []])))).values(),
];

test("a store path's key is its name without hash and version", () => {
  for (const [name, key] of [
    ["glibc-2.38-44", "glibc"],
    ["bash-interactive-5.2p26", "bash-interactive"],
    ["libX11", "libX11"],
    ["python3.11-requests-2.31.0", "python3.11-requests"],
    ["gtk+-3.24", "gtk+"],
    ["source-unstable-2024-01-01", "source-unstable"],
    ["foo-", "foo-"],
    ["-1.0", "-1.0"],
    ["a-+b", "a"],
  ] as const) {
    assert.deepEqual(keys(`${HASH}-${name}`), [key], name);
  }
});

test("an output's name stays in the key", () => {
  const names = ["openssl-3.0.12", "openssl-3.0.12-dev", "openssl-3.0.12-bin", "openssl-3.0.12-rc1"];
  assert.deepEqual(keys(...names.slice(0, 3).map((name) => `${HASH}-${name}`)).sort(), [
    "openssl",
    "openssl-bin",
    "openssl-dev",
  ]);
  assert.deepEqual(keys(`${HASH}-${names[3]}`), ["openssl"]);
});

test("where keys would be the same they have the version, all of them, and then the hash", () => {
  assert.deepEqual(keys(`${HASH}-a-1.0`, `${OTHER}-a-2.0`), ["a-1.0", "a-2.0"]);
  assert.deepEqual(keys(`${HASH}-a-1`, `${OTHER}-a-1`, `${HASH}-a-2`).sort(), [
    `a-1-${HASH}-`,
    `a-1-${OTHER}-`,
    "a-2",
  ]);
});

test("what is no hash is part of the name", () => {
  assert.deepEqual(keys("eeee-a-1", "short-b"), ["eeee-a", "short-b"]);
});

test("an npm package's key is its name, then its version, then its folder", () => {
  const components = [
    { id: ".", path: "/p", references: [] },
    { id: "node_modules/a", path: "/p/a", references: [], name: "a", version: "1.0.0" },
    { id: "node_modules/@s/b", path: "/p/b", references: [], name: "@s/b", version: "1.0.0" },
    { id: "node_modules/c", path: "/p/c", references: [], name: "c", version: "1.0.0" },
    { id: "node_modules/a/node_modules/c", path: "/p/ac", references: [], name: "c", version: "2.0.0" },
    { id: "node_modules/d", path: "/p/d", references: [], name: "d", version: "1.0.0" },
    { id: "node_modules/a/node_modules/d", path: "/p/ad", references: [], name: "d", version: "1.0.0" },
  ];
  const found = keysOf(makeGraph(components, { kind: "npm", origin: "a test" }));
  assert.deepEqual(Object.fromEntries(found), {
    ".": ".",
    "node_modules/a": "a",
    "node_modules/@s/b": "@s/b",
    "node_modules/c": "c@1.0.0",
    "node_modules/a/node_modules/c": "c@2.0.0",
    "node_modules/d": "npm:node_modules/d",
    "node_modules/a/node_modules/d": "npm:node_modules/a/node_modules/d",
  });
});

test("no two components have the same key, whatever they are called", () => {
  const names = fc.uniqueArray(
    fc
      .tuple(fc.constantFrom("", `${HASH}-`, `${OTHER}-`), fc.stringMatching(/^[ab12.-]{1,4}$/))
      .map((all) => all.join("")),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(names, (found) => {
      assert.equal(new Set(keys(...found)).size, found.length);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(anyReferences, (references) => {
      assert.equal(new Set(keysOf(graphOf(references)).values()).size, Object.keys(references).length);
    }),
  );
});

test("a version tells an installed package from what it was, wherever its manager puts it", () => {
  for (const id of [
    "node_modules/a",
    "apps/api/node_modules/a",
    "node_modules/.pnpm/a@1.0.0",
    ".yarn/cache/a-npm-1.0.0-00.zip",
    ".yarn/unplugged/a-npm-1.0.0-00",
  ]) {
    assert.equal(versionOf({ id, path: "/", references: [], version: "1.0.0" }), "1.0.0", id);
  }
  for (const id of [".", "packages/a", "yarn/cache/a"]) {
    assert.equal(versionOf({ id, path: "/", references: [], version: "1.0.0" }), "", id);
  }
});
