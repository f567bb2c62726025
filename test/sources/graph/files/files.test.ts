import assert from "node:assert/strict";
import { rmSync, symlinkSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { joinFiles, makeGraph, type ReferencesGraph, readFiles } from "#graph";
import {
  type InstalledFiles,
  manifest,
  named,
  references,
  writeInstalled,
} from "../../../support/installed-project.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

interface Given extends InstalledFiles {
  readonly entries: Readonly<Record<string, string>>;
  readonly folder?: string;
}

async function graphOf(t: TestContext, { entries, folder = "/app", ...files }: Given) {
  const at = await temporaryFolder(t);
  writeInstalled(at, files);
  const given = Object.entries(entries).map(([from, to]) => ({ from: `${at}/${from}`, to }));
  return { at, graph: await readFiles(given, { folder }) };
}

/** Places and sources of parts, and what isn't theirs. */
function parts(graph: ReferencesGraph, at: string) {
  return Object.fromEntries(
    [...graph.components].map(([id, { parts = [] }]) => [
      id,
      parts.map(({ path, place, nested = [] }) => [path.slice(at.length + 1), place, ...nested]),
    ]),
  );
}

describe("the graph of files", () => {
  it("has each package as a component, and all else as the project", async (t) => {
    const { at, graph } = await graphOf(t, {
      entries: { "out/server": "/app", static: "/app/static" },
      files: {
        "out/server/package.json": JSON.stringify({
          name: "web",
          version: "3.0.0",
          dependencies: named(["b"]),
        }),
        "out/server/server.js": "",
        "out/server/node_modules/.bin/a": "",
        "out/server/node_modules/.prisma/client.js": "",
        "out/server/node_modules/bare/lib.js": "",
        "static/a.css": "",
      },
      packages: {
        "out/server/node_modules/a": manifest("a", "1.0.0", ["@s/n", "b"]),
        "out/server/node_modules/a/node_modules/b": manifest("b", "2.0.0", ["@s/n"]),
        "out/server/node_modules/@s/n": { ...manifest("@s/n", "1.1.0"), repository: "github:s/n" },
        "out/server/node_modules/b": manifest("b", "1.0.0"),
        "out/server/lib/node_modules/c": manifest("c", "1.0.0", ["b"]),
      },
    });
    const modules = "out/server/node_modules";
    assert.deepEqual(parts(graph, at), {
      ".": [
        [
          "out/server",
          ".",
          "lib/node_modules/c",
          "node_modules/@s/n",
          "node_modules/a",
          "node_modules/b",
          "node_modules/bare",
        ],
        ["static", "static"],
      ],
      "lib/node_modules/c": [["out/server/lib/node_modules/c", "lib/node_modules/c"]],
      "node_modules/@s/n": [[`${modules}/@s/n`, "node_modules/@s/n"]],
      "node_modules/a": [[`${modules}/a`, "node_modules/a", "node_modules/b"]],
      "node_modules/a/node_modules/b": [[`${modules}/a/node_modules/b`, "node_modules/a/node_modules/b"]],
      "node_modules/b": [[`${modules}/b`, "node_modules/b"]],
      "node_modules/bare": [[`${modules}/bare`, "node_modules/bare"]],
    });
    assert.deepEqual(references(graph), {
      ".": ["lib/node_modules/c", "node_modules/a", "node_modules/b", "node_modules/bare"],
      "lib/node_modules/c": ["node_modules/b"],
      "node_modules/@s/n": [],
      "node_modules/a": ["node_modules/@s/n", "node_modules/a/node_modules/b"],
      "node_modules/a/node_modules/b": ["node_modules/@s/n"],
      "node_modules/b": [],
      "node_modules/bare": [],
    });
    const about = [...graph.components.values()].map(({ name, version, repository }) => [
      name,
      version,
      repository,
    ]);
    assert.deepEqual(about, [
      ["web", "3.0.0", undefined],
      ["c", "1.0.0", undefined],
      ["@s/n", "1.1.0", "github:s/n"],
      ["a", "1.0.0", undefined],
      ["b", "2.0.0", undefined],
      ["b", "1.0.0", undefined],
      ["bare", undefined, undefined],
    ]);
  });

  it("has a virtual store's folders as components, with what their links lead to", async (t) => {
    const store = "out/node_modules/.pnpm";
    const { at, graph } = await graphOf(t, {
      entries: { out: "/app" },
      packages: {
        [`${store}/@s+n@1.0.0/node_modules/@s/n`]: manifest("@s/n", "1.0.0"),
        [`${store}/a@1.0.0_b@2.0.0/node_modules/a`]: manifest("a", "1.0.0"),
        [`${store}/b@2.0.0/node_modules/b`]: manifest("b", "2.0.0"),
        [`${store}/alone@1.0.0/node_modules/alone`]: manifest("alone", "1.0.0"),
      },
      links: {
        "out/node_modules/a": `${store}/a@1.0.0_b@2.0.0/node_modules/a`,
        [`${store}/a@1.0.0_b@2.0.0/node_modules/b`]: `${store}/b@2.0.0/node_modules/b`,
        [`${store}/a@1.0.0_b@2.0.0/node_modules/@s/n`]: `${store}/@s+n@1.0.0/node_modules/@s/n`,
        [`${store}/node_modules/b`]: `${store}/b@2.0.0/node_modules/b`,
      },
    });
    const [a, b, n, alone] = ["a@1.0.0_b@2.0.0", "b@2.0.0", "@s+n@1.0.0", "alone@1.0.0"].map(
      (name) => `node_modules/.pnpm/${name}`,
    );
    assert.deepEqual(references(graph), {
      ".": [a, alone],
      [n!]: [],
      [a!]: [n, b],
      [alone!]: [],
      [b!]: [],
    });
    assert.deepEqual(
      [...graph.components.values()].map(({ name, version }) => `${name} ${version}`),
      ["undefined undefined", "@s/n 1.0.0", "a 1.0.0", "alone 1.0.0", "b 2.0.0"],
    );
    assert.deepEqual(parts(graph, at)[a!], [[`${store}/a@1.0.0_b@2.0.0`, a]]);
  });

  it("has the packages that Nitro keeps several versions of", async (t) => {
    const { graph } = await graphOf(t, {
      entries: { out: "/app" },
      packages: {
        "out/node_modules/.nitro/a@1.0.0": manifest("a", "1.0.0"),
        "out/node_modules/.nitro/@s/n@2.0.0": manifest("@s/n", "2.0.0"),
      },
      links: { "out/node_modules/a": "out/node_modules/.nitro/a@1.0.0" },
    });
    assert.deepEqual(
      [...graph.components].map(([id, { name, version }]) => [id, name, version]),
      [
        [".", undefined, undefined],
        ["node_modules/.nitro/@s/n@2.0.0", "@s/n", "2.0.0"],
        ["node_modules/.nitro/a@1.0.0", "a", "1.0.0"],
      ],
    );
  });

  it("has one component for a package that two entries have, the first one's files first", async (t) => {
    const { at, graph } = await graphOf(t, {
      entries: { out: "/app", "node_modules/a": "/app/node_modules/a", "a.txt": "/opt/a.txt" },
      files: { "a.txt": "" },
      packages: {
        "out/node_modules/a": manifest("a", "1.0.0"),
        "node_modules/a": manifest("a", "1.0.1"),
        "node_modules/a/node_modules/b": manifest("b", "1.0.0"),
      },
    });
    assert.deepEqual(parts(graph, at), {
      ".": [
        ["out", ".", "node_modules/a"],
        ["a.txt", "../opt/a.txt"],
      ],
      "node_modules/a": [
        ["out/node_modules/a", "node_modules/a"],
        ["node_modules/a", "node_modules/a", "node_modules/b"],
      ],
      "node_modules/a/node_modules/b": [["node_modules/a/node_modules/b", "node_modules/a/node_modules/b"]],
    });
    assert.equal(graph.components.get("node_modules/a")?.version, "1.0.0");
  });

  it("finds packages in a folder that is node_modules on one side only", async (t) => {
    const packages = { "node_modules/a": manifest("a", "1.0.0"), "deps/b": manifest("b", "1.0.0") };
    const { graph } = await graphOf(t, {
      entries: { node_modules: "/opt/deps", deps: "/app/node_modules" },
      packages,
    });
    assert.deepEqual([...graph.components.keys()], [".", "../opt/deps/a", "node_modules/b"]);
  });

  it("follows a link that is named, and none within", async (t) => {
    const at = await temporaryFolder(t);
    writeInstalled(at, { packages: { "real/node_modules/a": manifest("a", "1.0.0") } });
    symlinkSync("real", `${at}/result`);
    symlinkSync("/elsewhere", `${at}/real/away`);
    const graph = await readFiles([{ from: `${at}/result`, to: "/srv" }], { folder: "/srv" });
    assert.deepEqual(parts(graph, at), {
      ".": [["real", ".", "node_modules/a"]],
      "node_modules/a": [["real/node_modules/a", "node_modules/a"]],
    });
    rmSync(`${at}/real`, { recursive: true });
    await assert.rejects(readFiles([{ from: `${at}/result`, to: "/srv" }], { folder: "/srv" }), {
      code: "NOT_FOUND",
    });
  });
});

describe("a project's graph with files", () => {
  it("has them in its own components, before what these have", async (t) => {
    const { at, graph: files } = await graphOf(t, {
      entries: { out: "/app/dist", a: "/app/node_modules/a" },
      packages: { a: manifest("a", "2.0.0"), "out/node_modules/b": manifest("b", "1.0.0") },
    });
    const component = (id: string, references: string[] = []) => ({ id, path: `${at}/p/${id}`, references });
    const components = [
      component(".", ["node_modules/a"]),
      component("node_modules/a"),
      component("apps/web"),
    ];
    const about = { kind: "npm", origin: "the project" } as const;
    const graph = joinFiles(makeGraph(components, about), files);
    assert.deepEqual(parts(graph, at), {
      ".": [
        ["out", "dist", "node_modules/b"],
        ["p/.", "."],
      ],
      "apps/web": [],
      "dist/node_modules/b": [["out/node_modules/b", "dist/node_modules/b"]],
      "node_modules/a": [
        ["a", "node_modules/a"],
        ["p/node_modules/a", "node_modules/a"],
      ],
    });
    assert.deepEqual(references(graph)["."], ["dist/node_modules/b", "node_modules/a"]);
    const ofApp = joinFiles(makeGraph(components, { ...about, app: "apps/web" }), files);
    assert.deepEqual(parts(ofApp, at)["apps/web"]?.[0], ["out", "dist", "node_modules/b"]);
    assert.throws(() => joinFiles(makeGraph([], { kind: "nix", origin: "g" }), files), {
      code: "INVALID_SPEC",
      message: /use copyToRoot instead/,
    });
  });
});
