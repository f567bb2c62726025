import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { componentSizes } from "../../src/cli/component-sizes.ts";
import { makeGraph } from "../../src/graph/index.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";

describe("the sizes of components", () => {
  const scope = stacked({ after });
  const sizesOf = (components: Parameters<typeof makeGraph>[0]) =>
    Object.fromEntries(componentSizes(makeGraph(components, { kind: "npm", origin: "a test" })));

  it("are headers and whole blocks of content, without what is another component's", async () => {
    const folder = await temporaryFolder(scope);
    mkdirSync(`${folder}/inner`);
    writeFileSync(`${folder}/empty`, "");
    writeFileSync(`${folder}/small`, "a");
    writeFileSync(`${folder}/more`, "a".repeat(513));
    writeFileSync(`${folder}/inner/file`, "a");
    const part = { path: folder, references: [] };
    assert.deepEqual(
      sizesOf([
        { id: "all", ...part },
        { id: "outer", ...part, nested: ["inner"] },
      ]),
      { all: 512 * (6 + 1 + 2 + 1), outer: 512 * (4 + 1 + 2) },
    );
  });

  it("don't depend on where the files are on this machine, only on where they are in the image", async () => {
    const folder = await temporaryFolder(scope);
    const deep = `${folder}/${"deep/".repeat(30)}`;
    mkdirSync(deep, { recursive: true });
    writeFileSync(`${deep}/file`, "");
    const component = (id: string) => ({ id, path: deep.slice(0, -1), references: [] });
    const long = "n".repeat(95);
    assert.deepEqual(sizesOf([component("short"), component(long)]), {
      short: 512 * 2,
      // 95 characters, a slash and 4 more are 100, which fit; one more doesn't.
      [long]: 512 * 2,
    });
    assert.deepEqual(sizesOf([component(`${long}n`)]), { [`${long}n`]: 512 * 4 });
  });

  it("are NAR sizes where the graph has them, and then no file is looked at", () => {
    assert.deepEqual(sizesOf([{ id: "a", path: "/nowhere/at/all", references: [], narSize: 7 }]), { a: 7 });
  });
});
