import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { readGraph } from "#graph";
import {
  type InstalledFiles,
  LINUX,
  manifest,
  references,
  writeInstalled,
} from "../../../support/installed-project.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

const LOCK = `{
  "lockfileVersion": 1,
  "workspaces": { "": { "name": "me", "dependencies": { "a": "^1.0.0", }, }, },
  "packages": {
    "@s/b": ["@s/b@2.0.0", "", {}, "sha512-BBBB"],

    "a": ["a@1.0.0", "", { "dependencies": { "@s/b": "^2" }, "optionalDependencies": { "native": "*" } }, "sha512-AAAA"],

    "d": ["d@1.0.0", "", {}, "sha512-DDDD"],

    "local": ["local@file:./local", {}],

    "me": ["me@workspace:."],

    "native": ["native@1.0.0", "", { "os": "linux", "cpu": ["x64", "arm64"] }, "sha512-NNNN"],
  },
}
`;

const own = { name: "me", dependencies: { a: "^1.0.0", local: "file:./local" }, devDependencies: { d: "*" } };
const a = { ...manifest("a", "1.0.0", ["@s/b"]), optionalDependencies: { native: "*" } };

const HOISTED: InstalledFiles = {
  files: { "bun.lock": LOCK },
  packages: {
    ".": own,
    "node_modules/a": a,
    "node_modules/@s/b": manifest("@s/b", "2.0.0"),
    "node_modules/d": manifest("d", "1.0.0"),
    "node_modules/local": manifest("local", "0.1.0"),
    "node_modules/native": manifest("native", "1.0.0"),
  },
};

const STORE = "node_modules/.bun";
const ISOLATED: InstalledFiles = {
  files: { "bun.lock": LOCK },
  packages: {
    ".": own,
    local: manifest("local", "0.1.0"),
    [`${STORE}/a@1.0.0/node_modules/a`]: a,
    [`${STORE}/@s+b@2.0.0/node_modules/@s/b`]: manifest("@s/b", "2.0.0"),
    [`${STORE}/native@1.0.0/node_modules/native`]: manifest("native", "1.0.0"),
    [`${STORE}/d@1.0.0/node_modules/d`]: manifest("d", "1.0.0"),
  },
  links: {
    "node_modules/a": `${STORE}/a@1.0.0/node_modules/a`,
    "node_modules/d": `${STORE}/d@1.0.0/node_modules/d`,
    "node_modules/local": "local",
    [`${STORE}/a@1.0.0/node_modules/@s/b`]: `${STORE}/@s+b@2.0.0/node_modules/@s/b`,
    [`${STORE}/a@1.0.0/node_modules/native`]: `${STORE}/native@1.0.0/node_modules/native`,
    [`${STORE}/a@1.0.0/node_modules/.bin/native`]: `${STORE}/native@1.0.0/node_modules/native/index.js`,
    [`${STORE}/node_modules/@s/b`]: `${STORE}/@s+b@2.0.0/node_modules/@s/b`,
  },
};

async function installed(t: TestContext, files: InstalledFiles): Promise<string> {
  const folder = await temporaryFolder(t);
  writeInstalled(folder, files);
  return folder;
}

describe("a project that bun has installed", () => {
  it("has a component for each package that it needs", async (t) => {
    const graph = await readGraph(await installed(t, HOISTED), { omitDev: true, platform: LINUX });
    assert.deepEqual(references(graph), {
      ".": ["node_modules/a", "node_modules/local"],
      "node_modules/@s/b": [],
      "node_modules/a": ["node_modules/@s/b", "node_modules/native"],
      "node_modules/local": [],
      "node_modules/native": [],
    });
    assert.equal(graph.components.get("node_modules/native")!.integrity, "sha512-NNNN");
  });

  it("has one for each folder of its store where it isolates, with the links beside the package", async (t) => {
    const graph = await readGraph(await installed(t, ISOLATED), { omitDev: true, platform: LINUX });
    assert.deepEqual(references(graph), {
      ".": ["local", `${STORE}/a@1.0.0`],
      local: [],
      [`${STORE}/@s+b@2.0.0`]: [],
      [`${STORE}/a@1.0.0`]: [`${STORE}/@s+b@2.0.0`, `${STORE}/native@1.0.0`],
      [`${STORE}/native@1.0.0`]: [],
    });
    assert.deepEqual(graph.components.get(`${STORE}/a@1.0.0`)!.nested, []);
  });

  it("is refused if its lock file is older than package.json, which may ask for something else instead", async (t) => {
    const newer = { ...own, dependencies: { ...own.dependencies, a: "^2.0.0" } };
    const changed = (root: Readonly<Record<string, unknown>>) => ({
      ...HOISTED,
      packages: { ...HOISTED.packages, ".": root },
    });
    await assert.rejects(readGraph(await installed(t, changed(newer)), { platform: LINUX }), {
      code: "INVALID_GRAPH",
      message:
        /bun\.lock is older than .*package\.json, which asks for a \^2\.0\.0: 1\.0\.0 is locked; run `bun install` in /,
    });
    const replaced = { ...newer, overrides: { a: "1.0.0" } };
    assert.ok(await readGraph(await installed(t, changed(replaced)), { platform: LINUX }));
  });

  it("asks for bun install if a package isn't there, or isn't what is locked", async (t) => {
    const { "node_modules/native": _, ...packages } = HOISTED.packages!;
    await assert.rejects(readGraph(await installed(t, { ...HOISTED, packages }), { platform: LINUX }), {
      code: "DANGLING_REFERENCE",
      message: /a needs native on linux\/x64, which is not installed; run `bun install` in /,
    });
    const older = { ...HOISTED.packages, "node_modules/@s/b": manifest("@s/b", "1.9.0") };
    await assert.rejects(
      readGraph(await installed(t, { ...HOISTED, packages: older }), { platform: LINUX }),
      {
        code: "INVALID_GRAPH",
        message: /b is version 1\.9\.0, which .*bun\.lock doesn't have: .* run `bun install`/,
      },
    );
  });

  it("is refused with a lock file that is binary or none", async (t) => {
    await assert.rejects(readGraph(await installed(t, { files: { "bun.lockb": "#!/usr/bin/env bun" } })), {
      code: "INVALID_GRAPH",
      message: /bun\.lockb is bun's binary lock file, .*`bun install --save-text-lockfile`/,
    });
    for (const text of ["{", "[]", '{"packages":[]}', "[".repeat(100_000)]) {
      await assert.rejects(readGraph(await installed(t, { files: { "bun.lock": text } })), {
        code: "INVALID_GRAPH",
        message: /bun\.lock is not a lock file of bun/,
      });
    }
  });
});
