import assert from "node:assert/strict";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { type ReferencesGraph, readGraph } from "#graph";
import { openProject } from "#project";
import { LINUX, manifest, references, writeInstalled } from "../../../support/installed-project.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

const LOCK =
  "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      lib: {specifier: 'link:../../lib', version: link:../../lib}\n";

/** Where components' files are in the image, relative to the project, and which of their links lead elsewhere. */
function places(graph: ReferencesGraph) {
  return Object.fromEntries(
    [...graph.components].map(([id, { parts }]) => [
      id,
      parts?.map(({ place, links }) => [place, ...[...(links ?? [])].map((link) => link.join(" -> "))]),
    ]),
  );
}

/** A project, two folders below `at`, that has linked a folder, which has linked another one, which has linked the first. */
async function linked(t: TestContext, app = "home/app") {
  const at = await temporaryFolder(t);
  const lib = { ...manifest("lib", "1.0.0", ["a", "near"]), devDependencies: { tool: "1" } };
  writeInstalled(at, {
    files: {
      [`${app}/pnpm-lock.yaml`]: LOCK,
      "lib/.env": "",
      "lib/.dockerignore": "notes\n",
      "lib/notes": "",
    },
    packages: {
      [app]: manifest("app", "1.0.0", ["lib"]),
      lib,
      "lib/node_modules/.pnpm/a@1.0.0/node_modules/a": manifest("a", "1.0.0"),
      "lib/node_modules/.pnpm/tool@1.0.0/node_modules/tool": manifest("tool", "1.0.0"),
      "home/near": manifest("near", "1.0.0", ["lib"]),
    },
    links: {
      [`${app}/node_modules/lib`]: "lib",
      "lib/node_modules/a": "lib/node_modules/.pnpm/a@1.0.0/node_modules/a",
      "lib/node_modules/tool": "lib/node_modules/.pnpm/tool@1.0.0/node_modules/tool",
      "lib/node_modules/near": "home/near",
      "home/near/node_modules/lib": "lib",
    },
  });
  return { at, folder: `${at}/${app}` };
}

describe("folders outside of a project that it has linked", () => {
  it("are in a folder of the image's own, and all links lead to them", async (t) => {
    const { folder } = await linked(t);
    const graph = await readGraph(folder, { omitDev: true, platform: LINUX });
    assert.deepEqual(places(graph), {
      ".": [[".", "node_modules/lib -> ../.linked/lib"]],
      "../../lib": [[".linked/lib", "node_modules/near -> ../../_/near"]],
      "../../lib/node_modules/.pnpm/a@1.0.0": [[".linked/lib/node_modules/.pnpm/a@1.0.0"]],
      "../near": [[".linked/_/near"]],
    });
    assert.deepEqual(references(graph), {
      ".": ["../../lib"],
      "../../lib": ["../../lib/node_modules/.pnpm/a@1.0.0", "../near"],
      "../../lib/node_modules/.pnpm/a@1.0.0": [],
      "../near": ["../../lib"],
    });
    const nested = graph.components.get("../../lib")?.nested;
    const store = "node_modules/.pnpm";
    assert.deepEqual(nested, [`${store}/a@1.0.0`, `${store}/tool@1.0.0`, "node_modules/tool"]);
  });

  it("may be around the project, and are told apart from what is the project's", async (t) => {
    const at = await temporaryFolder(t);
    writeInstalled(at, {
      files: {
        "examples/app/package-lock.json": JSON.stringify({
          lockfileVersion: 3,
          packages: {
            "": { name: "app", dependencies: { lib: "file:../.." } },
            "../..": { name: "lib", version: "1.0.0" },
            "node_modules/lib": { resolved: "../..", link: true },
          },
        }),
        ".env": "",
        ".dockerignore": "examples/app/index.js\n",
        ".git/HEAD": "",
      },
      packages: { ".": manifest("lib", "1.0.0"), "examples/app": manifest("app", "1.0.0", ["lib"]) },
      links: { "examples/app/node_modules/lib": "." },
    });
    const folder = `${at}/examples/app`;
    const graph = await readGraph(folder, { omitDev: true, platform: LINUX });
    assert.deepEqual(places(graph), {
      ".": [[".", "node_modules/lib -> ../.linked"]],
      "../..": [[".linked"]],
    });
    assert.deepEqual(graph.components.get("../..")?.nested, ["examples/app"]);
    const project = await openProject(folder, { base: "scratch" });
    const { list } = project.staysOut(graph);
    assert.deepEqual(
      list.map(({ path }) => path),
      ["../../.dockerignore", "../../.env", "../../.git", "package-lock.json"],
    );
  });

  it("are left out as the project's own files are", async (t) => {
    const { at, folder } = await linked(t);
    symlinkSync("../../lib/index.js", `${folder}/own-link.js`);
    const graph = await readGraph(folder, { omitDev: true, platform: LINUX });
    const { list, paths } = (await openProject(folder, { base: "scratch" })).staysOut(graph);
    assert.deepEqual(
      list.map(({ path, reason }) => `${path}: ${reason}`),
      [
        "../../lib/.dockerignore: Docker's files",
        "../../lib/.env: secrets",
        "../../lib/notes: .dockerignore",
        "own-link.js: links that lead nowhere",
        "pnpm-lock.yaml: package managers' files",
      ],
    );
    assert.ok(paths.includes(`${at}/lib/.env`));
  });

  it("give the same components wherever the project is", async (t) => {
    const [one, other] = [await linked(t), await linked(t, "house/app")];
    // What lies beside the project keeps its name, and what is above it has none.
    const [a, b] = [await readGraph(one.folder), await readGraph(other.folder)];
    const ids = ["../../lib", "../../lib/node_modules/.pnpm/a@1.0.0"];
    for (const id of ids) assert.deepEqual(places(a)[id]?.[0]?.[0], places(b)[id]?.[0]?.[0]);
  });

  it("are refused where nothing of the project's own says that they are linked", async (t) => {
    const { at, folder } = await linked(t);
    const refused = () =>
      assert.rejects(readGraph(folder, { platform: LINUX }), {
        code: "INVALID_GRAPH",
        message: /node_modules\/lib leads to .*\/lib, which lies outside the project/,
      });
    writeFileSync(`${folder}/pnpm-lock.yaml`, "lockfileVersion: '9.0'\n");
    await refused();
    const declared = { name: "app", version: "1.0.0", dependencies: { lib: "file:../../lib" } };
    writeFileSync(`${folder}/package.json`, JSON.stringify(declared));
    assert.ok((await readGraph(folder, { platform: LINUX })).components.has("../../lib"));
    // A package from a registry may say what it wants.
    const installed = { name: "a", dependencies: { lib: "file:../../lib" } };
    writeInstalled(at, { packages: { "home/app/node_modules/a": installed } });
    const plain = { name: "app", version: "1.0.0", dependencies: { a: "1" } };
    writeFileSync(`${folder}/package.json`, JSON.stringify(plain));
    await refused();
  });

  it("must have their packages", async (t) => {
    const { at, folder } = await linked(t);
    rmSync(`${at}/lib/node_modules/a`);
    await assert.rejects(readGraph(folder, { platform: LINUX }), {
      code: "DANGLING_REFERENCE",
      message: /^\.\.\/\.\.\/lib needs a, which is not installed; install the packages of .*\/lib there$/,
    });
    writeFileSync(`${folder}/pnpm-lock.yaml`, "[]");
    await assert.rejects(readGraph(folder, { platform: LINUX }), { code: "INVALID_GRAPH" });
  });
});
