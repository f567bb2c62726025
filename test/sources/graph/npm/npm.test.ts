import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import type { VarveError } from "#errors";
import { type ReferencesGraph, readGraph } from "#graph";
import { temporaryFolder } from "../../../support/tmp.ts";

type Entry = Record<string, unknown>;

interface Project {
  /** The entries of the lock file; each package gets a folder with a file, each link a symlink. */
  packages: Record<string, Entry>;
  manifest?: Entry;
  /** Keys of the lock file that are not on the disk. */
  missing?: string[];
  lockFile?: string;
}

async function project(
  t: TestContext,
  { packages, manifest, missing = [], lockFile }: Project,
): Promise<string> {
  const folder = await temporaryFolder(t);
  const file = join(folder, lockFile ?? "node_modules/.package-lock.json");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ lockfileVersion: 3, packages }));
  if (manifest !== undefined) writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  for (const [key, entry] of Object.entries(packages)) {
    const path = join(folder, key);
    if (missing.includes(key)) continue;
    mkdirSync(dirname(path), { recursive: true });
    if (entry["link"] === true) symlinkSync(join(folder, entry["resolved"] as string), path);
    else mkdirSync(path, { recursive: true });
    if (entry["link"] !== true) writeFileSync(join(path, "index.js"), key);
  }
  return folder;
}

function references(graph: ReferencesGraph): Record<string, readonly string[]> {
  return Object.fromEntries([...graph.components].map(([id, { references }]) => [id, references]));
}

const needs = (...names: string[]): Entry => ({
  dependencies: Object.fromEntries(names.map((name) => [name, "*"])),
});

test("each package and the project are components, with id, path, name and version", async (t) => {
  const folder = await project(t, {
    manifest: { name: "me", version: "3.0.0", ...needs("a") },
    packages: {
      "node_modules/a": { version: "1.0.0" },
      "node_modules/@s/b": { name: "alias-of", version: "2.0.0" },
    },
  });
  const graph = await readGraph(folder);
  assert.equal(graph.kind, "npm");
  const { nested, ...root } = graph.components.get(".")!;
  assert.deepEqual(root, {
    id: ".",
    path: folder,
    name: "me",
    version: "3.0.0",
    references: ["node_modules/a"],
  });
  assert.deepEqual(nested, [
    ".git",
    "node_modules/.package-lock.json",
    "node_modules/@s/b",
    "node_modules/a",
  ]);
  const rest = [...graph.components.values()].slice(1);
  assert.deepEqual(rest, [
    {
      id: "node_modules/@s/b",
      path: join(folder, "node_modules/@s/b"),
      references: [],
      name: "alias-of",
      version: "2.0.0",
      nested: [],
    },
    {
      id: "node_modules/a",
      path: join(folder, "node_modules/a"),
      references: [],
      name: "a",
      version: "1.0.0",
      nested: [],
    },
  ]);
});

test("references go to the nearest node_modules, as Node looks for them", async (t) => {
  const folder = await project(t, {
    manifest: needs("a", "c"),
    packages: {
      "node_modules/a": needs("b", "@s/d"),
      "node_modules/a/node_modules/@s/d": needs("b", "c"),
      "node_modules/a/node_modules/b": needs("a"),
      "node_modules/b": {},
      "node_modules/c": needs("b"),
    },
  });
  assert.deepEqual(references(await readGraph(folder)), {
    ".": ["node_modules/a", "node_modules/c"],
    "node_modules/a": ["node_modules/a/node_modules/@s/d", "node_modules/a/node_modules/b"],
    "node_modules/a/node_modules/@s/d": ["node_modules/a/node_modules/b", "node_modules/c"],
    "node_modules/a/node_modules/b": ["node_modules/a"],
    "node_modules/b": [],
    "node_modules/c": ["node_modules/b"],
  });
});

test("optional and peer dependencies are references where they are installed", async (t) => {
  const folder = await project(t, {
    manifest: { ...needs("a", "gone"), optionalDependencies: { gone: "*" } },
    packages: {
      "node_modules/a": {
        optionalDependencies: { o: "*", absent: "*" },
        peerDependencies: { p: "*", q: "*" },
      },
      "node_modules/o": { optional: true },
      "node_modules/absent": { optional: true },
      "node_modules/p": { peer: true },
    },
    missing: ["node_modules/absent"],
  });
  assert.deepEqual(references(await readGraph(folder)), {
    ".": ["node_modules/a"],
    "node_modules/a": ["node_modules/o", "node_modules/p"],
    "node_modules/o": [],
    "node_modules/p": [],
  });
});

const WORKSPACES: Project = {
  manifest: { workspaces: ["packages/*"], ...needs("x") },
  packages: {
    "node_modules/a": { resolved: "packages/a", link: true },
    "node_modules/b": { resolved: "packages/b", link: true },
    "node_modules/x": { version: "1.0.0" },
    "packages/a": { ...needs("b", "x"), devDependencies: { d: "*", notInstalled: "*" } },
    "packages/a/node_modules/x": { version: "2.0.0" },
    "packages/b": needs("x"),
    "node_modules/d": { dev: true },
  },
};

test("links are followed to workspaces, which the project refers to and which resolve from where they lie", async (t) => {
  assert.deepEqual(references(await readGraph(await project(t, WORKSPACES))), {
    ".": ["node_modules/x", "packages/a", "packages/b"],
    "node_modules/d": [],
    "node_modules/x": [],
    "packages/a": ["node_modules/d", "packages/a/node_modules/x", "packages/b"],
    "packages/a/node_modules/x": [],
    "packages/b": ["node_modules/x"],
  });
});

test("a workspace has the name of the link to it", async (t) => {
  const graph = await readGraph(await project(t, WORKSPACES));
  assert.equal(graph.components.get("packages/b")!.name, "b");
});

test("without development packages, neither they nor references to them are there", async (t) => {
  const folder = await project(t, WORKSPACES);
  const graph = await readGraph(folder, { omitDev: true });
  assert.equal(graph.components.has("node_modules/d"), false);
  assert.ok(graph.components.get(".")!.nested!.includes("node_modules/d"));
  const { references } = graph.components.get("packages/a")!;
  assert.deepEqual(references, ["packages/a/node_modules/x", "packages/b"]);
});

test("development packages that are installed are included, those that are not are no error", async (t) => {
  const folder = await project(t, {
    lockFile: "package-lock.json",
    packages: {
      "": { name: "me", devDependencies: { d: "*", e: "*" } },
      "node_modules/d": { dev: true },
      "node_modules/e": { dev: true },
    },
    missing: ["node_modules/e"],
  });
  assert.deepEqual(references(await readGraph(folder)), { ".": ["node_modules/d"], "node_modules/d": [] });
  assert.deepEqual(references(await readGraph(folder, { omitDev: true })), { ".": [] });
});

test("without development packages, the project refers to nothing for development's sake", async (t) => {
  const folder = await project(t, {
    manifest: { ...needs("a"), devDependencies: { b: "*" } },
    packages: { "node_modules/a": needs("b"), "node_modules/b": {} },
  });
  assert.deepEqual((await readGraph(folder)).components.get(".")!.references, [
    "node_modules/a",
    "node_modules/b",
  ]);
  const graph = await readGraph(folder, { omitDev: true });
  assert.deepEqual(graph.components.get(".")!.references, ["node_modules/a"]);
});

test("a link to an optional package that is not there is left out with it", async (t) => {
  const folder = await project(t, {
    manifest: { optionalDependencies: { a: "*" } },
    packages: { "node_modules/a": { link: true, resolved: "libs/a" }, "libs/a": { optional: true } },
    missing: ["libs/a"],
  });
  const graph = await readGraph(folder);
  assert.deepEqual(references(graph), { ".": [] });
  assert.ok(graph.components.get(".")!.nested!.includes("node_modules/a"));
});

test("the project does not refer to a link that nothing needs", async (t) => {
  const folder = await project(t, {
    packages: { "node_modules/a": { link: true, resolved: "libs/a", extraneous: true }, "libs/a": {} },
  });
  assert.deepEqual(references(await readGraph(folder)), { ".": [], "libs/a": [] });
});

test("a lock file can be named itself, wherever it lies in the project", async (t) => {
  for (const lockFile of ["package-lock.json", "node_modules/.package-lock.json"]) {
    const folder = await project(t, { lockFile, manifest: needs("a"), packages: { "node_modules/a": {} } });
    const graph = await readGraph(join(folder, lockFile));
    assert.equal(graph.components.get("node_modules/a")!.path, join(folder, "node_modules/a"));
    assert.deepEqual(graph.components.get(".")!.references, ["node_modules/a"]);
  }
});

/** All files of a tree but those below `skipped`, as whoever packs a component walks it. */
function walk(root: string, folder: string, skipped: ReadonlySet<string>): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (skipped.has(path)) return [];
    return entry.isDirectory() ? walk(root, path, skipped) : [join(root, path)];
  });
}

test("each file belongs to one component, but for .git, npm's own list and what is left out", async (t) => {
  const folder = await project(t, WORKSPACES);
  mkdirSync(join(folder, ".git"));
  mkdirSync(join(folder, "node_modules/.bin"));
  for (const file of [".git/HEAD", "node_modules/.bin/x", "src.js", "packages/a/lib.js"]) {
    writeFileSync(join(folder, file), "");
  }
  const all = walk(folder, "", new Set([".git", "node_modules/.package-lock.json", "node_modules/d"]));
  const graph = await readGraph(folder, { omitDev: true });
  const owned = [...graph.components.values()].flatMap(({ path, nested }) => walk(path, "", new Set(nested)));
  assert.deepEqual(owned.sort(), all.sort());
  assert.deepEqual(graph.components.get("packages/a")!.nested, ["node_modules/x"]);
});

test("what tools keep in node_modules for themselves is in no component", async (t) => {
  const folder = await project(t, WORKSPACES);
  const caches = ["node_modules/.cache", "node_modules/.vite", "packages/a/node_modules/.vite-temp"];
  for (const cache of caches) {
    mkdirSync(join(folder, cache), { recursive: true });
    writeFileSync(join(folder, cache, "kept"), "");
  }
  const graph = await readGraph(folder);
  const owned = [...graph.components.values()].flatMap(({ path, nested }) => walk(path, "", new Set(nested)));
  assert.deepEqual(
    owned.filter((path) => path.endsWith("/kept")),
    [],
  );
});

test("a package's node_modules isn't its own if there are only packages in it, so that it stays the same when one comes", async (t) => {
  const packages = {
    "node_modules/a": {},
    "node_modules/a/node_modules/b": {},
    "node_modules/a/node_modules/@s/c": {},
    "node_modules/e": {},
    "node_modules/e/node_modules/b": {},
    "node_modules/f": {},
    "node_modules/f/node_modules/dev": { dev: true },
    "node_modules/g": {},
    "node_modules/g/node_modules/absent": { optional: true },
  };
  const folder = await project(t, { packages, missing: ["node_modules/g/node_modules/absent"] });
  mkdirSync(join(folder, "node_modules/e/node_modules/.bin"));
  const graph = await readGraph(folder, { omitDev: true });
  const nested = (name: string) => graph.components.get(`node_modules/${name}`)!.nested;
  assert.deepEqual(nested("a"), ["node_modules"]);
  assert.deepEqual(nested("e"), ["node_modules/b"]);
  assert.deepEqual(nested("f"), ["node_modules"]);
  assert.deepEqual(nested("g"), ["node_modules/absent"]);
});

test("a package that should be there and is not asks for npm ci", async (t) => {
  const folder = await project(t, { packages: { "node_modules/a": {} }, missing: ["node_modules/a"] });
  await assert.rejects(readGraph(folder), {
    code: "INVALID_GRAPH",
    message: /node_modules\/a, .* is not installed; run `npm ci`/,
  });
});

test("a package that is a link although the lock file says it is a folder is refused", async (t) => {
  const folder = await project(t, { packages: { "node_modules/a": { optional: true } } });
  rmSync(join(folder, "node_modules/a"), { recursive: true });
  symlinkSync("/", join(folder, "node_modules/a"));
  await assert.rejects(readGraph(folder), {
    code: "INVALID_GRAPH",
    message: /should be a folder and is not/,
  });
});

test("a dependency that no package satisfies names both ends", async (t) => {
  const folder = await project(t, { packages: { "node_modules/a": needs("b") } });
  await assert.rejects(readGraph(folder), {
    code: "DANGLING_REFERENCE",
    message: /node_modules\/a needs b, .*npm ci/,
  });
  const bare = await project(t, { manifest: needs("b"), packages: {} });
  // Its lock file is older than its package.json, and npm ci would say so, too.
  await assert.rejects(readGraph(bare), {
    code: "DANGLING_REFERENCE",
    message: /the project .* needs b, which is not installed; run `npm install` in /,
  });
});

test("a folder without a lock file, and a lock file of version 1, are refused", async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(readGraph(folder), { code: "INVALID_GRAPH", message: /has no lock file/ });
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ lockfileVersion: 1, dependencies: {} }));
  await assert.rejects(readGraph(folder), { code: "INVALID_GRAPH", message: /version 2 or 3/ });
});

test("a key that leads out of the project is refused", async (t) => {
  for (const key of ["node_modules/../../x", "/etc", "node_modules/a/", "..", "."]) {
    const folder = await project(t, { packages: {} });
    const lock = { lockfileVersion: 3, packages: { [key]: {} } };
    writeFileSync(join(folder, "node_modules/.package-lock.json"), JSON.stringify(lock));
    await assert.rejects(readGraph(folder), { code: "INVALID_GRAPH", message: /is not a plain path/ }, key);
  }
});

test("an entry of the wrong shape is named", async (t) => {
  const wrong = {
    version: 1,
    dependencies: ["b"],
    peerDependencies: null,
    dev: "true",
    os: true,
    cpu: [64],
  };
  for (const [field, value] of Object.entries(wrong)) {
    const folder = await project(t, { packages: { "node_modules/a": { [field]: value } } });
    const where = `the entry "node_modules/a" does not fit npm's format in "${field}": it must be `;
    await assert.rejects(readGraph(folder), (error: VarveError) => {
      assert.equal(error.code, "INVALID_GRAPH");
      assert.ok(error.message.includes(where), error.message);
      return true;
    });
  }
});

/** What a project's own lock file says of one that has `a` 1.0.0 and a package for Linux on x64 installed. */
async function locked(t: TestContext, packages: Record<string, Entry>): Promise<string> {
  const folder = await project(t, {
    manifest: needs("a"),
    packages: {
      "node_modules/a": { version: "1.0.0", integrity: "sha512-AAAA" },
      "node_modules/native-x64": { version: "1.0.0", optional: true, os: ["linux"], cpu: ["x64"] },
    },
  });
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages }));
  return folder;
}

const X64 = { os: "linux", cpu: "x64" };

test("a package's integrity and repository are what its lock file and its package.json say", async (t) => {
  const folder = await locked(t, { "node_modules/a": { version: "1.0.0" } });
  writeFileSync(join(folder, "node_modules/a/package.json"), JSON.stringify({ repository: "github:me/a" }));
  const { integrity, repository } = (await readGraph(folder)).components.get("node_modules/a")!;
  assert.deepEqual([integrity, repository], ["sha512-AAAA", "github:me/a"]);
});

test("a lock file must have what package.json asks for", async (t) => {
  const read = async (asked: string, lockedRange: string | undefined) => {
    const root = lockedRange === undefined ? {} : { dependencies: { a: lockedRange } };
    const folder = await locked(t, { "": root, "node_modules/a": { version: "1.0.0" } });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ dependencies: { a: asked } }));
    return await readGraph(folder);
  };
  await assert.rejects(read("^2.0.0", "^1.0.0"), {
    code: "INVALID_GRAPH",
    message:
      /package-lock\.json is older than .*package\.json, which asks for a \^2\.0\.0: 1\.0\.0 is locked; run `npm install` in /,
  });
  // What fits all the same, or was forced on npm, or isn't a range is none of varve's business.
  for (const [asked, lockedRange] of [
    ["1", "^1.0.0"],
    ["^2.0.0", "^2.0.0"],
    ["^2.0.0", undefined],
    ["github:me/a", "^1.0.0"],
  ] as const)
    assert.ok((await read(asked, lockedRange)).components.has("node_modules/a"));
});

test("what is installed must be what the project's own lock file says", async (t) => {
  await assert.rejects(readGraph(await locked(t, { "node_modules/a": { version: "1.1.0" } })), {
    code: "INVALID_GRAPH",
    message:
      /is older than .*package-lock\.json: node_modules\/a is installed as 1\.0\.0, and locked as 1\.1\.0; run `npm ci`/,
  });
  await assert.rejects(readGraph(await locked(t, { "node_modules/b": { version: "1.0.0" } })), {
    code: "DANGLING_REFERENCE",
    message: /package-lock\.json has node_modules\/b, which is needed and is not installed; run `npm ci`/,
  });
  const mayMiss = {
    "node_modules/b": { optional: true },
    "node_modules/c": { dev: true },
    "node_modules/d": { peer: true },
  };
  assert.ok(await readGraph(await locked(t, { "": needs("a"), ...mayMiss })));
});

test("a platform's package that is missing where it is needed asks for npm ci", async (t) => {
  const packages = { "node_modules/more-x64": { optional: true, os: ["linux"], cpu: ["x64"] } };
  await assert.rejects(readGraph(await locked(t, packages), { platform: X64 }), {
    code: "DANGLING_REFERENCE",
    message: /has node_modules\/more-x64, which is needed on linux\/x64 and is not installed; run `npm ci`/,
  });
  const arm = { "node_modules/more-arm64": { optional: true, os: ["linux"], cpu: ["arm64"] } };
  assert.ok(await readGraph(await locked(t, arm), { platform: X64 }));
  // One text is as good as a list of one.
  const text = { "node_modules/more-x64": { optional: true, os: "linux", cpu: "x64" } };
  await assert.rejects(readGraph(await locked(t, text), { platform: X64 }), { code: "DANGLING_REFERENCE" });
  // It was installed for x64 on purpose.
  assert.ok(await readGraph(await locked(t, arm), { platform: { os: "linux", cpu: "arm64" } }));
});
