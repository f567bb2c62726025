import assert from "node:assert/strict";
import { renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
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

const LOCK = `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: {specifier: ^1, version: 1.0.0(p@3.0.0)}
    optionalDependencies:
      native: {specifier: '*', version: 1.0.0}
    devDependencies:
      d: {specifier: '*', version: 1.0.0}
packages:
  a@1.0.0:
    resolution: {integrity: sha512-AAAA}
    peerDependencies: {p: '*'}
  '@s/b@2.0.0':
    resolution: {integrity: sha512-BBBB}
  d@1.0.0:
    resolution: {integrity: sha512-DDDD}
  native@1.0.0:
    resolution: {integrity: sha512-NNNN}
  native-linux-x64@1.0.0:
    resolution: {integrity: sha512-LLLL}
    cpu: [x64]
    os: [linux]
  native-darwin-arm64@1.0.0:
    resolution: {integrity: sha512-MMMM}
    cpu: [arm64]
    os: darwin
  p@3.0.0:
    resolution: {integrity: sha512-PPPP}
snapshots:
  a@1.0.0(p@3.0.0):
    dependencies: {'@s/b': 2.0.0, p: 3.0.0}
  '@s/b@2.0.0': {}
  d@1.0.0: {}
  native@1.0.0:
    optionalDependencies: {native-linux-x64: 1.0.0, native-darwin-arm64: 1.0.0}
  native-linux-x64@1.0.0: {}
  native-darwin-arm64@1.0.0: {}
  p@3.0.0: {}
`;

const STORE = "node_modules/.pnpm";
const SHIM = "#!/bin/sh\nexport NODE_PATH=/home/me/project\n";
const native = {
  ...manifest("native", "1.0.0"),
  optionalDependencies: { "native-linux-x64": "1", "native-darwin-arm64": "1" },
};

/** As pnpm installs it; `a` is given `p`, which the project doesn't need. */
const ISOLATED: InstalledFiles = {
  files: {
    "pnpm-lock.yaml": LOCK,
    [`${STORE}/lock.yaml`]: LOCK,
    "node_modules/.modules.yaml": "{included: {optionalDependencies: true}, prunedAt: now}",
    "node_modules/.pnpm-workspace-state-v1.json": "{}",
    "node_modules/.bin/a": SHIM,
    [`${STORE}/a@1.0.0_p@3.0.0/node_modules/a/node_modules/.bin/p`]: SHIM,
  },
  packages: {
    ".": {
      ...manifest("me", "1.0.0", ["a"]),
      optionalDependencies: { native: "*" },
      devDependencies: { d: "*" },
    },
    [`${STORE}/a@1.0.0_p@3.0.0/node_modules/a`]: {
      ...manifest("a", "1.0.0", ["@s/b"]),
      peerDependencies: { p: "*" },
      repository: { type: "git", url: "git+https://example.org/a.git" },
    },
    [`${STORE}/@s+b@2.0.0/node_modules/@s/b`]: manifest("@s/b", "2.0.0"),
    [`${STORE}/d@1.0.0/node_modules/d`]: manifest("d", "1.0.0"),
    [`${STORE}/native@1.0.0/node_modules/native`]: native,
    [`${STORE}/native-linux-x64@1.0.0/node_modules/native-linux-x64`]: manifest("native-linux-x64", "1.0.0"),
    [`${STORE}/p@3.0.0/node_modules/p`]: manifest("p", "3.0.0"),
  },
  links: {
    "node_modules/a": `${STORE}/a@1.0.0_p@3.0.0/node_modules/a`,
    "node_modules/d": `${STORE}/d@1.0.0/node_modules/d`,
    "node_modules/native": `${STORE}/native@1.0.0/node_modules/native`,
    [`${STORE}/a@1.0.0_p@3.0.0/node_modules/p`]: `${STORE}/p@3.0.0/node_modules/p`,
    [`${STORE}/a@1.0.0_p@3.0.0/node_modules/@s/b`]: `${STORE}/@s+b@2.0.0/node_modules/@s/b`,
    [`${STORE}/native@1.0.0/node_modules/native-linux-x64`]: `${STORE}/native-linux-x64@1.0.0/node_modules/native-linux-x64`,
    [`${STORE}/node_modules/@s/b`]: `${STORE}/@s+b@2.0.0/node_modules/@s/b`,
    [`${STORE}/node_modules/d`]: `${STORE}/d@1.0.0/node_modules/d`,
  },
};

async function installed(t: TestContext, files: InstalledFiles = ISOLATED): Promise<string> {
  const folder = await temporaryFolder(t);
  writeInstalled(folder, files);
  return folder;
}

describe("a project that pnpm has installed", () => {
  it("has a component for each folder of the virtual store that it needs", async (t) => {
    const graph = await readGraph(await installed(t), { omitDev: true, platform: LINUX });
    assert.deepEqual(references(graph), {
      ".": [`${STORE}/a@1.0.0_p@3.0.0`, `${STORE}/native@1.0.0`],
      [`${STORE}/@s+b@2.0.0`]: [],
      [`${STORE}/a@1.0.0_p@3.0.0`]: [`${STORE}/@s+b@2.0.0`, `${STORE}/p@3.0.0`],
      [`${STORE}/native-linux-x64@1.0.0`]: [],
      [`${STORE}/native@1.0.0`]: [`${STORE}/native-linux-x64@1.0.0`],
      [`${STORE}/p@3.0.0`]: [],
    });
    const { name, version, integrity, repository } = graph.components.get(`${STORE}/a@1.0.0_p@3.0.0`)!;
    assert.deepEqual(
      [name, version, integrity, repository],
      ["a", "1.0.0", "sha512-AAAA", "git+https://example.org/a.git"],
    );
  });

  it("leaves out what is for development, pnpm's own files, and scripts with this machine's paths", async (t) => {
    const { components } = await readGraph(await installed(t), { omitDev: true, platform: LINUX });
    const own = components.get(".")!.nested!.filter((path) => !components.has(path));
    assert.deepEqual(own, [
      ".git",
      ".yarn",
      "node_modules/.bin",
      "node_modules/.modules.yaml",
      "node_modules/.package-lock.json",
      "node_modules/.pnpm-workspace-state-v1.json",
      `${STORE}/d@1.0.0`,
      `${STORE}/lock.yaml`,
      `${STORE}/node_modules/d`,
      "node_modules/d",
    ]);
    assert.deepEqual(components.get(`${STORE}/a@1.0.0_p@3.0.0`)!.nested, [
      "node_modules/a/node_modules/.bin",
    ]);
  });

  it("may have been locked together with pnpm itself", async (t) => {
    const before = "---\nlockfileVersion: '9.0'\nimporters:\n  .:\n    packageManagerDependencies:\n";
    const both = `${before}      pnpm: {specifier: '>=11', version: 11.0.0}\npackages:\n  pnpm@11.0.0: {}\n---\n${LOCK}`;
    const folder = await installed(t, { ...ISOLATED, files: { ...ISOLATED.files, "pnpm-lock.yaml": both } });
    const graph = await readGraph(folder, { omitDev: true, platform: LINUX });
    const usual = await readGraph(await installed(t), { omitDev: true, platform: LINUX });
    assert.deepEqual(references(graph), references(usual));
    assert.equal(graph.components.get(`${STORE}/a@1.0.0_p@3.0.0`)!.integrity, "sha512-AAAA");
  });

  it("may have its virtual store under another name, and what pnpm leaves from patching beside it", async (t) => {
    const moved = JSON.parse(JSON.stringify(ISOLATED).replaceAll(".pnpm/", ".virtual/")) as InstalledFiles;
    const { [`node_modules/.virtual/lock.yaml`]: lock, ...files } = moved.files!;
    const state = { "node_modules/.pnpm_patches/state.json": "{}", "node_modules/.ignored/x/index.js": "" };
    const folder = await installed(t, {
      ...moved,
      files: { ...files, [`${STORE}/lock.yaml`]: lock!, ...state },
    });
    const graph = await readGraph(folder, { omitDev: true, platform: LINUX });
    const usual = await readGraph(await installed(t), { omitDev: true, platform: LINUX });
    const renamed = JSON.stringify(references(usual)).replaceAll(".pnpm/", ".virtual/");
    assert.deepEqual(references(graph), JSON.parse(renamed));
    const own = graph.components.get(".")!.nested!.filter((path) => !graph.components.has(path));
    for (const name of [".pnpm", ".pnpm_patches", ".ignored", ".virtual/d@1.0.0", ".virtual/node_modules/d"])
      assert.ok(own.includes(`node_modules/${name}`), name);
  });

  it("has what is for development, too, unless that is to be left out", async (t) => {
    const { components } = await readGraph(await installed(t), { platform: LINUX });
    assert.ok(components.has(`${STORE}/d@1.0.0`));
    assert.ok(components.get(".")!.references.includes(`${STORE}/d@1.0.0`));
  });

  it("is read from its lock file's name just so", async (t) => {
    const folder = await installed(t);
    assert.deepEqual(
      await readGraph(join(folder, "pnpm-lock.yaml"), { platform: LINUX }),
      await readGraph(folder, { platform: LINUX }),
    );
  });

  it("asks for pnpm install if a package isn't there", async (t) => {
    const folder = await installed(t);
    rmSync(join(folder, STORE, "a@1.0.0_p@3.0.0/node_modules/@s"), { recursive: true });
    rmSync(join(folder, STORE, "node_modules"), { recursive: true });
    await assert.rejects(readGraph(folder, { platform: LINUX }), {
      code: "DANGLING_REFERENCE",
      message:
        /a@1\.0\.0_p@3\.0\.0\/node_modules\/a needs @s\/b, which is not installed; run `pnpm install` in /,
    });
  });

  it("asks for pnpm install if a platform's package isn't there that the lock file has for this one", async (t) => {
    const folder = await installed(t);
    rmSync(join(folder, STORE, "native@1.0.0/node_modules/native-linux-x64"));
    await assert.rejects(readGraph(folder, { platform: LINUX }), {
      code: "DANGLING_REFERENCE",
      message: /native needs native-linux-x64 on linux\/x64, which is not installed; run `pnpm install`/,
    });
    const elsewhere = await readGraph(folder, { platform: { os: "linux", cpu: "arm64" } });
    assert.ok(!elsewhere.components.has(`${STORE}/native-linux-x64@1.0.0`));
  });

  it("may have been installed for another platform, or without what is optional", async (t) => {
    const other = await readGraph(await installed(t), { platform: { os: "darwin", cpu: "arm64" } });
    assert.ok(other.components.has(`${STORE}/native-linux-x64@1.0.0`));
    const folder = await temporaryFolder(t);
    const { [`${STORE}/native@1.0.0/node_modules/native-linux-x64`]: _, ...links } = ISOLATED.links!;
    const files = {
      ...ISOLATED.files,
      "node_modules/.modules.yaml": "included: {optionalDependencies: false}",
    };
    writeInstalled(folder, { ...ISOLATED, files, links });
    assert.ok(await readGraph(folder, { platform: LINUX }));
  });

  it("is refused if its lock file is older than package.json, unless something replaces what that asks for", async (t) => {
    const asking = (lock: string, own: object = {}) => {
      const packages = { ...ISOLATED.packages, ".": { name: "me", dependencies: { a: "^2.0.0" }, ...own } };
      const files = { ...ISOLATED.files, "pnpm-lock.yaml": lock, [`${STORE}/lock.yaml`]: lock };
      return installed(t, { ...ISOLATED, files, packages });
    };
    await assert.rejects(readGraph(await asking(LOCK), { platform: LINUX }), {
      code: "INVALID_GRAPH",
      message:
        /pnpm-lock\.yaml is older than .*package\.json, which asks for a \^2\.0\.0: 1\.0\.0 is locked; run `pnpm install` in /,
    });
    for (const [lock, own] of [
      [LOCK, { pnpm: { overrides: { a: "1.0.0" } } }],
      // From pnpm-workspace.yaml, or by a hook in .pnpmfile.cjs.
      [`${LOCK}overrides: {a: 1.0.0}\n`, {}],
      [`${LOCK}pnpmfileChecksum: sha256-AAAA\n`, {}],
    ] as const) {
      assert.ok(await readGraph(await asking(lock, own), { platform: LINUX }), JSON.stringify(own));
    }
  });

  it("is refused if it is older than its lock file", async (t) => {
    const newer = LOCK.replace("version: 1.0.0(p@3.0.0)", "version: 1.1.0(p@3.0.0)");
    const folder = await installed(t, { ...ISOLATED, files: { ...ISOLATED.files, "pnpm-lock.yaml": newer } });
    await assert.rejects(readGraph(folder, { platform: LINUX }), {
      code: "INVALID_GRAPH",
      message:
        /is older than .*pnpm-lock\.yaml: a is installed as 1\.0\.0\(p@3\.0\.0\), and locked as 1\.1\.0.*`pnpm install`/,
    });
    rmSync(join(folder, STORE, "lock.yaml"));
    await assert.rejects(readGraph(folder, { platform: LINUX }), {
      code: "INVALID_GRAPH",
      message:
        /a is version 1\.0\.0, which .*pnpm-lock\.yaml has a 1\.1\.0: what is installed is not what is locked/,
    });
  });

  it("is refused if its packages lie elsewhere, in a store for several projects", async (t) => {
    const [folder, store] = [await installed(t), await temporaryFolder(t)];
    writeInstalled(store, { packages: { "links/a/node_modules/a": manifest("a", "1.0.0") } });
    rmSync(join(folder, "node_modules/a"));
    writeInstalled(folder, {
      links: {
        "node_modules/a": join("..", store.slice(folder.lastIndexOf("/") + 1), "links/a/node_modules/a"),
      },
    });
    await assert.rejects(readGraph(folder, { platform: LINUX }), {
      code: "INVALID_GRAPH",
      message: /leads to .*, which lies outside the project/,
    });
  });

  it("is refused if node_modules itself lies elsewhere", async (t) => {
    const [folder, elsewhere] = [await installed(t), await temporaryFolder(t)];
    renameSync(join(folder, "node_modules"), join(elsewhere, "node_modules"));
    symlinkSync(join(elsewhere, "node_modules"), join(folder, "node_modules"));
    await assert.rejects(readGraph(folder, { platform: LINUX }), {
      code: "INVALID_GRAPH",
      message: /leads to .*, which lies outside the project/,
    });
  });

  it("is refused if its lock file is none that varve knows", async (t) => {
    for (const text of ["lockfileVersion: 5.4\n", "[]", ""]) {
      const folder = await installed(t, { files: { "pnpm-lock.yaml": text } });
      await assert.rejects(readGraph(folder), {
        code: "INVALID_GRAPH",
        message: /not a pnpm lock file of version 6 to 9/,
      });
    }
    const folder = await installed(t, { files: { "pnpm-lock.yaml": "a: [\n" } });
    await assert.rejects(readGraph(folder), {
      code: "INVALID_GRAPH",
      message: /is not valid YAML: .* at line/,
    });
  });

  it("is read with a lock file of version 6, too", async (t) => {
    const lock = `lockfileVersion: '6.0'
dependencies:
  a: {specifier: '*', version: 1.0.0}
packages:
  /a@1.0.0:
    resolution: {integrity: sha512-AAAA}
    dependencies: {b: 1.0.0}
  /b@1.0.0:
    resolution: {integrity: sha512-BBBB}
`;
    const folder = await installed(t, {
      files: { "pnpm-lock.yaml": lock },
      // As packageExtensions do, the lock file gives `a` what its own manifest doesn't ask for.
      packages: {
        ".": manifest("me", "1.0.0", ["a"]),
        "node_modules/a": manifest("a", "1.0.0"),
        "node_modules/b": manifest("b", "1.0.0"),
      },
    });
    const graph = await readGraph(folder);
    assert.deepEqual(references(graph), {
      ".": ["node_modules/a"],
      "node_modules/a": ["node_modules/b"],
      "node_modules/b": [],
    });
    assert.equal(graph.components.get("node_modules/b")!.integrity, "sha512-BBBB");
  });
});
