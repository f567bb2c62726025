import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { partsOf } from "#graph";
import { run } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { elf, FOREIGN, HERE, type Registry, World } from "./support.ts";

const picky = (cpu: string) => ({ os: ["linux"], cpu: [cpu] });

/** One package that is the same everywhere, and one that chooses from others. */
const REGISTRY: Registry = {
  plain: { files: { "index.js": "plain" } },
  image: {
    optionalDependencies: { "image-here": "1", "image-there": "1", "image-mac": "1" },
    files: { "index.js": "image" },
  },
  "image-here": { ...picky(HERE.cpu), files: { "a.node": elf(1) } },
  "image-there": { ...picky(FOREIGN.cpu), files: { "a.node": elf(FOREIGN.machine) } },
  "image-mac": { os: ["darwin"], cpu: ["arm64"] },
};

/** A project that is installed for this machine. */
async function world(t: TestContext, registry: Registry = REGISTRY, needs = { plain: "1", image: "1" }) {
  const made = new World(await temporaryFolder(t), registry, needs);
  const args = ["ci", "--os=linux", `--cpu=${HERE.cpu}`, "--libc=glibc"];
  const { code, stderr } = await run([join(made.folder, "bin/npm"), ...args], { cwd: made.project });
  assert.equal(code, 0, stderr);
  rmSync(join(made.folder, "bin/calls"));
  return made;
}

const pathsOf = (graph: { components: ReadonlyMap<string, { path: string }> }, from: string) =>
  Object.fromEntries([...graph.components].map(([id, { path }]) => [id, path.replace(`${from}/`, "")]));

describe("a project's packages", () => {
  it("need no lock file where there are none", async (t) => {
    const folder = await temporaryFolder(t);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "app" }));
    const made = new World(join(folder, "world"), {}, {});
    using found = await made.read({}, folder);
    assert.deepEqual([...found.graph.components.keys()], ["."]);
  });

  /** A project that has linked a folder beside it. */
  const linked = async (t: TestContext) => {
    const made = await world(t);
    const lock = JSON.parse(readFileSync(join(made.project, "package-lock.json"), "utf8"));
    made.write("lib/package.json", JSON.stringify({ name: "lib", version: "1.0.0" }));
    made.write("lib/index.js", "lib");
    const manifest = { ...lock.packages[""], dependencies: { plain: "1", image: "1", lib: "file:../lib" } };
    made.write("project/package.json", JSON.stringify(manifest));
    const packages = {
      ...lock.packages,
      "": manifest,
      "../lib": { name: "lib", version: "1.0.0" },
      "node_modules/lib": { resolved: "../lib", link: true },
    };
    made.write("project/package-lock.json", JSON.stringify({ lockfileVersion: 3, packages }));
    const { "": _, ...others } = packages;
    const installed = join(made.project, "node_modules/.package-lock.json");
    writeFileSync(installed, JSON.stringify({ lockfileVersion: 3, packages: others }));
    symlinkSync("../../lib", join(made.project, "node_modules/lib"));
    return made;
  };

  it("have links to folders beside the project in its node_modules, and not in what is its own", async (t) => {
    const made = await linked(t);
    using found = await made.read({
      platform: { os: "linux", architecture: HERE.cpu === "arm64" ? "arm64" : "amd64", libc: "glibc" },
    });
    const [own] = partsOf(found.graph.components.get(".")!);
    assert.equal(own!.links, undefined);
    assert.ok(own!.nested!.includes("node_modules"));
    const [modules] = partsOf(found.graph.components.get("node_modules")!);
    assert.deepEqual([modules!.path, modules!.place], [join(made.project, "node_modules"), "node_modules"]);
    assert.deepEqual([...modules!.links!], [["lib", "../.linked/lib"]]);
    assert.equal(partsOf(found.graph.components.get("../lib")!)[0]!.place, ".linked/lib");
  });

  it("with folders beside the project can't be installed for another platform", async (t) => {
    const made = await linked(t);
    await assert.rejects(made.read(), {
      code: "UNSUPPORTED_PLATFORM",
      message: /\.\.\/lib, a folder outside of it/,
    });
    assert.equal(made.calls().length, 0);
  });
});

describe("a project's packages for another platform", () => {
  it("are installed elsewhere from the lock file, and those that are equal are taken from the project", async (t) => {
    const made = await world(t);
    const before = readdirSync(made.project, { recursive: true });
    using found = await made.read();
    const { args, cwd } = made.calls()[0]!;
    assert.equal(made.calls().length, 1);
    for (const option of [
      "ci",
      "--os=linux",
      `--cpu=${FOREIGN.cpu}`,
      "--libc=glibc",
      "--omit=dev",
      "--ignore-scripts",
    ])
      assert.ok(args.includes(option), option);
    assert.ok(cwd.startsWith(made.kept));
    const [key] = readdirSync(made.kept).filter((name) => name !== "aside");
    assert.deepEqual(pathsOf(found.graph, made.folder), {
      ".": "project",
      node_modules: `cache/trees/${key}/node_modules`,
      "node_modules/image": "project/node_modules/image",
      "node_modules/image-there": `cache/trees/${key}/node_modules/image-there`,
      "node_modules/plain": "project/node_modules/plain",
    });
    assert.deepEqual(found.graph.components.get("node_modules/image")?.references, [
      "node_modules/image-there",
    ]);
    assert.deepEqual(readdirSync(made.project, { recursive: true }), before);
  });

  it("are kept for the next build, whole, for this user only, and without settings", async (t) => {
    const made = await world(t);
    made.write("project/.npmrc", "//registry.example/:_authToken=canary\n");
    (await made.read())[Symbol.dispose]();
    assert.match(made.calls()[0]!.npmrc, /canary/);
    (await made.read({ now: 2e12 }))[Symbol.dispose]();
    assert.equal(made.calls().length, 1);
    const [key] = readdirSync(made.kept).filter((name) => name !== "aside");
    const tree = statSync(join(made.kept, key!));
    assert.equal(tree.mode & 0o777, 0o700);
    assert.equal(tree.mtimeMs, 2e12);
    assert.ok(!existsSync(join(made.kept, key!, ".npmrc")));
    assert.deepEqual(readdirSync(join(made.kept, "aside")), []);
    made.write("project/package.json", JSON.stringify({ name: "app", version: "2.0.0", dependencies: {} }));
    (await made.read())[Symbol.dispose]();
    assert.equal(made.calls().length, 2);
  });

  it("are made once by builds at the same time, and leave nothing else", async (t) => {
    const made = await world(t);
    const all = await Promise.all([made.read(), made.read(), made.read()]);
    const graphs = all.map(({ graph }) => pathsOf(graph, made.folder));
    assert.deepEqual(graphs[1], graphs[0]);
    assert.deepEqual(graphs[2], graphs[0]);
    assert.equal(readdirSync(made.kept).length, 2);
    assert.deepEqual(readdirSync(join(made.kept, "aside")), []);
  });

  it("are gone afterwards where there is no cache", async (t) => {
    const made = await world(t);
    const found = await made.read({ kept: undefined });
    const { path } = found.graph.components.get("node_modules/image-there")!;
    assert.ok(existsSync(path));
    found[Symbol.dispose]();
    assert.deepEqual(readdirSync(join(made.folder, "temporary")), []);
  });

  it("aren't kept by others than this user", async (t) => {
    const made = await world(t);
    (await made.read())[Symbol.dispose]();
    const [key] = readdirSync(made.kept).filter((name) => name !== "aside");
    chmodSync(join(made.kept, key!), 0o777);
    await assert.rejects(made.read(), { code: "UNWRITABLE" });
  });

  it("aren't asked for where nothing depends on the platform, or it is the installed one", async (t) => {
    const plain = await world(t, { plain: REGISTRY["plain"]! }, { plain: "1" } as never);
    using found = await plain.read();
    assert.deepEqual([...found.graph.components.keys()], [".", "node_modules/plain"]);
    const made = await world(t);
    const architecture = HERE.cpu === "x64" ? "amd64" : HERE.cpu;
    using here = await made.read({ platform: { os: "linux", architecture, libc: undefined } });
    assert.deepEqual(
      [...here.graph.components.keys()],
      [".", "node_modules", "node_modules/image", "node_modules/image-here", "node_modules/plain"],
    );
    assert.deepEqual([...plain.calls(), ...made.calls()], []);
  });

  it("fail in one sentence with the manager's own words, and without credentials", async (t) => {
    const made = await world(t);
    made.write("bin/fails", "");
    await assert.rejects(made.read(), (error: Error & { code: string }) => {
      assert.equal(error.code, "INSTALL_FAILED");
      assert.match(
        error.message,
        /^npm can't install the packages of \S+ for linux\/\w+ \(glibc\) from its lock file: code EINTEGRITY; http:\/\/\*\*\*@registry/,
      );
      return true;
    });
    assert.deepEqual(readdirSync(join(made.kept, "aside")), []);
    const nothing = { ...made.programs, find: async () => undefined };
    await assert.rejects(made.read({ programs: nothing }), {
      code: "NOT_FOUND",
      message: /npm can't be found/,
    });
  });

  it("end with the build that is cancelled", async (t) => {
    const made = await world(t);
    const signal = AbortSignal.abort();
    await assert.rejects(made.read({ programs: { ...made.programs, signal } }), { code: "ABORTED" });
    assert.deepEqual(readdirSync(join(made.kept, "aside")), []);
  });
});

/** A program that fetches files for the platform that its environment says, or has none. */
const FETCHER = (isThere: boolean): Registry[string] => ({
  bin: { "prebuild-install": "bin.js" },
  files: {
    "bin.js": `const { mkdirSync, writeFileSync, appendFileSync } = require("node:fs");
const { npm_config_platform: os, npm_config_arch: cpu, npm_config_libc: libc, npm_config_target: node } = process.env;
if (!${isThere}) { console.error("prebuild-install warn install No prebuilt binaries found"); process.exit(1); }
const header = Buffer.alloc(64);
header.write("\\x7fELF\\x02\\x01\\x01", "latin1");
header.writeUInt16LE(3, 16);
header.writeUInt16LE({ arm64: 183, x64: 62 }[cpu], 18);
mkdirSync("build/Release", { recursive: true });
writeFileSync("build/Release/sql.node", header);
writeFileSync("build/asked.json", JSON.stringify({ os, cpu, libc, node, args: process.argv.slice(2) }));
`,
  },
});

const SQL: Registry[string] = {
  scripts: { install: "prebuild-install -r napi || node-gyp rebuild --release" },
  dependencies: { "prebuild-install": "1" },
  files: { "binding.gyp": "{}" },
};

describe("packages that get machine code when they are installed", () => {
  it("fetch it for the platform if they can, and compile nothing", async (t) => {
    const registry = { sql: SQL, "prebuild-install": FETCHER(true) };
    const made = await world(t, registry, { sql: "1" } as never);
    made.write("project/node_modules/sql/build/Release/sql.node", elf(1));
    using found = await made.read();
    const { path } = found.graph.components.get("node_modules/sql")!;
    assert.ok(path.startsWith(made.kept));
    const asked = JSON.parse(readFileSync(join(path, "build/asked.json"), "utf8"));
    assert.deepEqual(asked, {
      os: "linux",
      cpu: FOREIGN.cpu,
      libc: "glibc",
      node: "24.1.0",
      args: ["-r", "napi"],
    });
  });

  it("are all named in one error if they can't, each with its reason", async (t) => {
    const registry = {
      sql: SQL,
      "prebuild-install": FETCHER(false),
      compiled: { scripts: { install: "node-gyp rebuild" }, files: { "binding.gyp": "{}" } },
      own: { scripts: { postinstall: "node get.js" } },
      chatty: { scripts: { postinstall: "node thanks.js" } },
    };
    const made = await world(t, registry, { sql: "1", compiled: "1", own: "1", chatty: "1" } as never);
    made.write("project/node_modules/own/bin/engine", elf(1));
    await assert.rejects(made.read(), (error: Error & { code: string }) => {
      assert.equal(error.code, "UNSUPPORTED_PLATFORM");
      assert.match(
        error.message,
        /^3 packages can't be made for linux\/\w+ \(glibc\) here: compiled@1\.0\.0 \(`node-gyp rebuild`, which makes its files, can't/,
      );
      assert.match(error.message, /own@1\.0\.0 \(`node get\.js`, which makes bin\/engine, can't/);
      assert.match(
        error.message,
        /sql@1\.0\.0 \(prebuild-install found no files for it: .*No prebuilt binaries found\); take/,
      );
      return true;
    });
    // What isn't whole isn't kept.
    assert.deepEqual(readdirSync(made.kept), ["aside"]);
  });

  it("are left out with a note if nothing needs them", async (t) => {
    const registry = {
      fast: { optionalDependencies: { compiled: "1" } },
      compiled: { scripts: { install: "node-gyp rebuild" }, files: { "binding.gyp": "{}" } },
    };
    const made = await world(t, registry, { fast: "1" } as never);
    const notes: string[] = [];
    using found = await made.read({ onNote: (note) => notes.push(note) });
    assert.deepEqual([...found.graph.components.keys()], [".", "node_modules", "node_modules/fast"]);
    assert.match(notes.at(-1)!, /^compiled@1\.0\.0, which is optional, isn't in the image for linux/);
  });

  it("just work if they bring it, without what they bring for others", async (t) => {
    const files = Object.fromEntries(
      [
        "linux-x64/a.glibc.node",
        "linux-x64/a.musl.node",
        "linux-arm64/a.glibc.node",
        "linux-arm64/a.musl.node",
        "darwin-x64+arm64/a.node",
      ].map((path) => [`prebuilds/${path}`, elf(path.includes("x64/") ? 62 : 183)]),
    );
    const registry = {
      crypt: { scripts: { install: "node-gyp-build" }, files: { "binding.gyp": "{}", ...files } },
    };
    const made = await world(t, registry, { crypt: "1" } as never);
    for (const [libc, other] of [
      ["glibc", "musl"],
      ["musl", "glibc"],
    ] as const) {
      using found = await made.read({ platform: { os: "linux", architecture: FOREIGN.architecture, libc } });
      const { path, nested } = found.graph.components.get("node_modules/crypt")!;
      assert.equal(path, join(made.project, "node_modules/crypt"));
      assert.deepEqual(nested, [
        "prebuilds/darwin-x64+arm64",
        ...[`prebuilds/linux-${FOREIGN.cpu}/a.${other}.node`, `prebuilds/linux-${HERE.cpu}`].sort(),
      ]);
    }
  });

  it("just work if they bring a file for each platform side by side", async (t) => {
    const names = ["linux-x64", "linux-arm64", "linuxmusl-x64", "linuxmusl-arm64", "darwin-arm64"];
    const files = Object.fromEntries(
      names.map((name) => [`prebuilds/${name}.node`, elf(name.endsWith("x64") ? 62 : 183)]),
    );
    const registry = { sql: { gypfile: false, files: { "binding.gyp": "{}", ...files } } };
    const made = await world(t, registry, { sql: "1" } as never);
    for (const [libc, name] of [
      ["glibc", `linux-${FOREIGN.cpu}`],
      ["musl", `linuxmusl-${FOREIGN.cpu}`],
    ] as const) {
      using found = await made.read({ platform: { os: "linux", architecture: FOREIGN.architecture, libc } });
      const { path, nested } = found.graph.components.get("node_modules/sql")!;
      assert.equal(path, join(made.project, "node_modules/sql"));
      const others = names.filter((other) => other !== name).sort();
      assert.deepEqual(
        nested,
        others.map((other) => `prebuilds/${other}.node`),
      );
    }
  });

  it("are missing if the lock file has no package for the platform to choose", async (t) => {
    const { "image-there": _, ...registry } = REGISTRY;
    const made = await world(t, registry);
    await assert.rejects(made.read(), {
      code: "UNSUPPORTED_PLATFORM",
      message:
        /image@1\.0\.0 \(the lock file has image-here for this machine, and nothing of the kind for linux/,
    });
  });
});

it("keeps what scripts and patches made of a package that has no machine code", async (t) => {
  const registry = {
    ...REGISTRY,
    patched: { scripts: { postinstall: "node patch.js" }, files: { "a.js": "a" } },
  };
  const made = await world(t, registry, { image: "1", patched: "1" } as never);
  writeFileSync(join(made.project, "node_modules/patched/a.js"), "patched");
  mkdirSync(join(made.project, "node_modules/patched/made"));
  using found = await made.read();
  assert.equal(
    found.graph.components.get("node_modules/patched")!.path,
    join(made.project, "node_modules/patched"),
  );
});
