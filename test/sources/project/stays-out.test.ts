import assert from "node:assert/strict";
import { it } from "node:test";
import { readGraph } from "#graph";
import { openProject } from "#project";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

it("what is in node_modules is looked at by its name, be that no UTF-8", async (t) => {
  const folder = `${await temporaryFolder(t)}/project`;
  const json = (value: unknown) => ({ file: JSON.stringify(value) });
  const packages = { "node_modules/a": { version: "1.0.0" } };
  const odd = { "\udcff": { file: "" }, "in\udcff": { link: "\udcff" }, "out\udcff": { link: "gone\udcff" } };
  writeTree(folder, {
    dir: {
      "package.json": json({ name: "odd", version: "1.0.0", main: "index.js", dependencies: { a: "1" } }),
      "index.js": { file: "" },
      node_modules: {
        dir: {
          ".package-lock.json": json({ lockfileVersion: 3, packages }),
          ".bin": { dir: odd },
          a: { dir: { "package.json": json({ name: "a", version: "1.0.0" }) } },
          ...odd,
        },
      },
    },
  });
  const fields = { files: [{ from: folder, to: "/app" }], cmd: "node index.js" };
  for (const given of [{}, fields]) {
    const project = await openProject(folder, { base: "scratch", change: () => given });
    const { list } = project.staysOut(await readGraph(folder));
    assert.deepEqual(
      list.map(({ path, reason }) => `${path}: ${reason}`),
      [
        "node_modules/.bin/out\udcff: links that lead nowhere",
        "node_modules/.package-lock.json: package managers' files",
        "node_modules/out\udcff: links that lead nowhere",
      ],
    );
  }
});
