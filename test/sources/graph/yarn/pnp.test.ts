import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readGraph } from "#graph";
import { LINUX, references, writeInstalled } from "../../../support/installed-project.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

const zip = (name: string) => `.yarn/cache/${name}-npm-1.0.0-00.zip`;

/** One package of the script's list. */
const entry = (name: string, location: string, needs: readonly unknown[] = [], reference = "npm:1.0.0") => [
  name,
  [[reference, { packageLocation: `./${location}`, packageDependencies: [...needs, [name, reference]] }]],
];

const STATE = {
  __info: ["it's a list"],
  packageRegistryData: [
    [null, [[null, { packageLocation: "./", packageDependencies: [] }]]],
    entry(
      "root",
      "",
      [
        ["a", "npm:1.0.0"],
        ["d", "npm:1.0.0"],
      ],
      "workspace:.",
    ),
    entry(
      "api",
      "apps/api/",
      [
        ["shared", "workspace:packages/shared"],
        ["other", ["a", "npm:1.0.0"]],
      ],
      "workspace:apps/api",
    ),
    entry("shared", "packages/shared/", [["virtual", "virtual:0123#npm:1.0.0"]], "workspace:packages/shared"),
    entry("a", `${zip("a")}/node_modules/a/`, [
      ["native", "npm:1.0.0"],
      ["native-mac", "npm:1.0.0"],
      ["peer", null],
    ]),
    entry("d", `${zip("d")}/node_modules/d/`),
    entry("native", ".yarn/unplugged/native-npm-1.0.0-00/node_modules/native/"),
    entry("native-mac", ".yarn/unplugged/native-mac-npm-1.0.0-00/node_modules/native-mac/"),
    entry(
      "virtual",
      `.yarn/__virtual__/virtual-virtual-11/0/cache/virtual-npm-1.0.0-00.zip/node_modules/virtual/`,
      [],
      "virtual:0123#npm:1.0.0",
    ),
  ],
};

/** As yarn writes it: a string over many lines. */
const script = (state: object) =>
  `#!/usr/bin/env node\nconst RAW_RUNTIME_STATE =\n'${JSON.stringify(state, null, 1)
    .replaceAll("\\", "\\\\")
    .replaceAll("'", "\\'")
    .replaceAll("\n", "\\\n")}';\n`;

const LOCK = `__metadata:
  version: 8
${["a", "d", "native", "virtual"].map((name) => `"${name}@npm:1":\n  version: 1.0.0\n  resolution: "${name}@npm:1.0.0"\n  checksum: 10c0/${name}\n`).join("")}
"native-mac@npm:1":
  version: 1.0.0
  resolution: "native-mac@npm:1.0.0"
  conditions: os=darwin
`;

async function installed(t: TestContext, files: Record<string, string> = {}): Promise<string> {
  const folder = await temporaryFolder(t);
  writeInstalled(folder, {
    files: {
      ".pnp.cjs": script(STATE),
      "yarn.lock": LOCK,
      ".yarn/install-state.gz": "",
      ".yarn/releases/yarn.cjs": "",
      ...Object.fromEntries(["a", "d", "virtual", "old"].map((name) => [zip(name), name])),
      ...files,
    },
    packages: {
      ".": {
        name: "root",
        workspaces: ["apps/*", "packages/*"],
        dependencies: { a: "1" },
        devDependencies: { d: "1" },
      },
      "apps/api": { name: "api", dependencies: { shared: "*", other: "npm:a@1" } },
      "packages/shared": { name: "shared", dependencies: { virtual: "1" } },
      ".yarn/unplugged/native-npm-1.0.0-00/node_modules/native": { name: "native", version: "1.0.0" },
    },
  });
  return folder;
}

const NATIVE = ".yarn/unplugged/native-npm-1.0.0-00";
const options = { omitDev: true, platform: LINUX };

describe("a project that yarn has installed without node_modules", () => {
  it("has a component for each archive and each unpacked package that it needs", async (t) => {
    const graph = await readGraph(await installed(t), options);
    assert.deepEqual(references(graph), {
      ".": [zip("a"), "apps/api", "packages/shared"],
      [zip("a")]: [NATIVE],
      [zip("virtual")]: [],
      [NATIVE]: [],
      "apps/api": [zip("a"), "packages/shared"],
      "packages/shared": [zip("virtual")],
    });
    const { name, version, integrity } = graph.components.get(zip("virtual"))!;
    assert.deepEqual([name, version, integrity], ["virtual", "1.0.0", "10c0/virtual"]);
    const own = graph.components.get(".")!.nested!.filter((path) => !graph.components.has(path));
    const state = [".git", ".yarn/install-state.gz", ".yarn/releases", "node_modules/.package-lock.json"];
    assert.deepEqual(own, [...state, zip("d"), zip("old")].sort());
  });

  it("has of its root nothing but what Node needs if a workspace's package is asked for", async (t) => {
    const graph = await readGraph(join(await installed(t), "apps/api"), options);
    assert.deepEqual(references(graph), {
      ".": [],
      [zip("a")]: [NATIVE],
      [zip("virtual")]: [],
      [NATIVE]: [],
      "apps/api": [".", zip("a"), "packages/shared"],
      "packages/shared": [zip("virtual")],
    });
    const { nested } = graph.components.get(".")!;
    assert.ok(!nested!.includes(".pnp.cjs"));
    for (const path of ["package.json", "apps", "packages", "yarn.lock"])
      assert.ok(nested!.includes(path), path);
  });

  it("may have its list of packages in a file of its own", async (t) => {
    const files = { ".pnp.cjs": "", ".pnp.data.json": JSON.stringify(STATE) };
    assert.ok((await readGraph(await installed(t, files), options)).components.has(zip("a")));
  });

  it("asks for yarn install if something isn't there, or isn't what is locked", async (t) => {
    const folder = await installed(t);
    rmSync(join(folder, NATIVE), { recursive: true });
    await assert.rejects(readGraph(folder, options), {
      code: "DANGLING_REFERENCE",
      message:
        /a needs native, and \.yarn\/unplugged\/native-npm-1\.0\.0-00 is not there; run `yarn install` in /,
    });
    const newer = LOCK.replace(/("a@npm:1":\n {2}version: )1\.0\.0/, "$11.1.0");
    await assert.rejects(readGraph(await installed(t, { "yarn.lock": newer }), options), {
      code: "INVALID_GRAPH",
      message: /\.pnp\.cjs has a 1\.0\.0, which .*yarn\.lock doesn't have: .* run `yarn install`/,
    });
  });

  it("is refused if package.json asks for more, or for other versions, than was installed", async (t) => {
    const asking = async (own: object) => {
      const folder = await installed(t);
      const workspaces = ["apps/*", "packages/*"];
      writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "root", workspaces, ...own }));
      return folder;
    };
    await assert.rejects(readGraph(await asking({ dependencies: { a: "^2.0.0" } }), { platform: LINUX }), {
      code: "INVALID_GRAPH",
      message:
        /yarn\.lock is older than .*package\.json, which asks for a \^2\.0\.0: 1\.0\.0 is locked; run `yarn install` in /,
    });
    await assert.rejects(readGraph(await asking({ dependencies: { new: "1" } }), { platform: LINUX }), {
      code: "DANGLING_REFERENCE",
      message: /^root needs new, which .*\.pnp\.cjs doesn't have; run `yarn install` in /,
    });
    const replaced = { dependencies: { a: "^2.0.0" }, resolutions: { a: "1.0.0" } };
    assert.ok(await readGraph(await asking(replaced), { platform: LINUX }));
  });

  it("is refused if its archives lie elsewhere", async (t) => {
    for (const cache of [
      "../cache/a.zip",
      "/cache/a.zip",
      ".yarn/../..",
      ".yarn/__virtual__/a-11/9/cache/a.zip",
    ]) {
      const packages = [
        entry("root", "", [["a", "npm:1.0.0"]], "workspace:."),
        ["a", [["npm:1.0.0", { packageLocation: cache, packageDependencies: [] }]]],
      ];
      const folder = await installed(t, { ".pnp.cjs": script({ packageRegistryData: packages }) });
      rmSync(join(folder, "apps"), { recursive: true });
      rmSync(join(folder, "packages"), { recursive: true });
      await assert.rejects(readGraph(folder, options), {
        code: "INVALID_GRAPH",
        message:
          /outside of the project.*set enableGlobalCache: false in \.yarnrc\.yml and run `yarn install`/,
      });
    }
  });

  it("is refused if its script is none that varve knows", async (t) => {
    for (const text of ["", "const RAW_RUNTIME_STATE = '[]';"]) {
      await assert.rejects(readGraph(await installed(t, { ".pnp.cjs": text }), options), {
        code: "INVALID_GRAPH",
        message: /\.pnp\.cjs has no list of packages that varve knows; run `yarn install`/,
      });
    }
  });
});
