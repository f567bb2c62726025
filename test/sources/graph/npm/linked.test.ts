import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { readGraph } from "#graph";
import {
  type InstalledFiles,
  LINUX,
  manifest,
  named,
  references,
  writeInstalled,
} from "../../../support/installed-project.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

const STORE = "node_modules/.store";
const A = `${STORE}/a@1.0.0-AAAA/node_modules`;
const B = `${STORE}/@s/b@2.0.0-BBBB/node_modules`;
const D = `${STORE}/d@1.0.0-DDDD/node_modules`;
const E = `${STORE}/@s/e@1.0.0-EEEE/node_modules`;

/** As npm 11 leaves it behind with `--install-strategy=linked`. */
const LINKED: InstalledFiles = {
  files: {
    "package-lock.json": lock({
      "": named(["a"]),
      "node_modules/a": { version: "1.0.0", integrity: "sha512-AAAA" },
      // Where npm would have put it by itself.
      "node_modules/@s/b": { version: "1.0.0", dev: true },
      "node_modules/a/node_modules/@s/b": { version: "2.0.0" },
      "node_modules/@s/e": { version: "1.0.0", dev: true },
      "node_modules/d": { version: "1.0.0", dev: true },
      "node_modules/l": { resolved: "libs/l", link: true },
      "libs/l": manifest("l", "1.0.0"),
    }),
    "node_modules/.package-lock.json": lock({
      [`${STORE}/a@1.0.0-AAAA`]: {},
      [`${A}/a`]: { version: "1.0.0" },
      [`${A}/@s/b`]: { resolved: `${B}/@s/b`, link: true },
      [`${B}/@s/b`]: { version: "2.0.0" },
    }),
  },
  packages: {
    "": { ...manifest("me", "1.0.0", ["a"]), devDependencies: named(["d", "@s/e"]), workspaces: ["libs/*"] },
    "libs/l": manifest("l", "1.0.0", ["@s/b"]),
    [`${A}/a`]: manifest("a", "1.0.0", ["@s/b"]),
    [`${B}/@s/b`]: manifest("@s/b", "2.0.0"),
    [`${D}/d`]: manifest("d", "1.0.0"),
    [`${E}/@s/e`]: manifest("@s/e", "1.0.0"),
  },
  links: {
    "node_modules/a": `${A}/a`,
    "node_modules/d": `${D}/d`,
    "node_modules/@s/e": `${E}/@s/e`,
    [`${A}/@s/b`]: `${B}/@s/b`,
    "libs/l/node_modules/@s/b": `${B}/@s/b`,
  },
};

function lock(packages: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ lockfileVersion: 3, packages });
}

async function installed(t: TestContext, files = LINKED): Promise<string> {
  const folder = await temporaryFolder(t);
  writeInstalled(folder, files);
  return folder;
}

describe("a project that npm has installed with links", () => {
  it("has a component for each folder of the store that it needs", async (t) => {
    const graph = await readGraph(await installed(t), { platform: LINUX, omitDev: true });
    assert.deepEqual(references(graph), {
      ".": ["libs/l", `${STORE}/a@1.0.0-AAAA`],
      "libs/l": [`${STORE}/@s/b@2.0.0-BBBB`],
      [`${STORE}/@s/b@2.0.0-BBBB`]: [],
      [`${STORE}/a@1.0.0-AAAA`]: [`${STORE}/@s/b@2.0.0-BBBB`],
    });
    const { name, version, integrity } = graph.components.get(`${STORE}/a@1.0.0-AAAA`)!;
    assert.deepEqual([name, version, integrity], ["a", "1.0.0", "sha512-AAAA"]);
    const left = graph.components.get(".")!.nested!;
    for (const path of [
      "node_modules/d",
      "node_modules/@s",
      `${STORE}/d@1.0.0-DDDD`,
      `${STORE}/@s/e@1.0.0-EEEE`,
    ])
      assert.ok(left.includes(path), `${path} in ${left}`);
    assert.ok(!left.includes(`${STORE}/@s`));
  });

  it("has development dependencies if it is asked for them", async (t) => {
    const graph = await readGraph(await installed(t), { platform: LINUX });
    assert.ok(graph.components.has(`${STORE}/@s/e@1.0.0-EEEE`));
  });

  it("is refused if a package isn't there, or is of a version that the lock file doesn't have", async (t) => {
    const { [`${A}/@s/b`]: _, ...links } = LINKED.links!;
    await assert.rejects(readGraph(await installed(t, { ...LINKED, links }), { platform: LINUX }), {
      code: "DANGLING_REFERENCE",
      message: /needs @s\/b, which is not installed; run `npm ci`/,
    });
    const packages = { ...LINKED.packages, [`${A}/a`]: manifest("a", "1.1.0") };
    await assert.rejects(readGraph(await installed(t, { ...LINKED, packages }), { platform: LINUX }), {
      code: "INVALID_GRAPH",
      message: /is version 1\.1\.0, which .*package-lock\.json doesn't have/,
    });
  });
});
