import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { readConf } from "#dockertools";
import { VarveError } from "#errors";
import { writeCase } from "../../support/stream-oracle.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const NOW = { now: new Date(0) };

describe("a conf", () => {
  const fields = {
    architecture: [1, null, ["amd64"]],
    config: [[], "x", 1, { Env: "A=1" }, { Env: [1] }],
    created: [1, null, "yesterday", ""],
    mtime: [1, null, "2024-02-30"],
    uid: [{}, [0], null, "x", ""],
    gid: [{}, [0], null, "1.5"],
    uname: [0, null],
    gname: [0, null],
    store_dir: [null, ["/nix"]],
    from_image: [1, ["base.tar"]],
    store_layers: [null, "x", ["/nix/store/a"], [[1]], {}],
    customisation_layer: [null, 1],
    repo_tag: [null, 1],
  };
  for (const [field, wrong] of Object.entries(fields)) {
    it(`is refused without ${field}, and with one of a wrong kind, by the field's name`, async (t) => {
      const path = writeCase(`${await temporaryFolder(t)}/case`, {});
      const right = JSON.parse(await readFile(path, "utf8"));
      await readConf(path, NOW);
      for (const value of [undefined, ...wrong]) {
        await writeFile(path, JSON.stringify({ ...right, [field]: value }));
        await assert.rejects(readConf(path, NOW), (error) => {
          assert.ok(error instanceof VarveError, `${JSON.stringify(value)}: ${error}`);
          assert.equal(error.code, "INVALID_CONF");
          assert.match(error.message, new RegExp(`\\b${field}\\b`));
          assert.ok(!error.message.includes("\n"));
          return true;
        });
      }
    });
  }

  it("may have more fields than varve knows", async (t) => {
    const path = writeCase(`${await temporaryFolder(t)}/case`, { conf: { extra: 1 } });
    assert.equal((await readConf(path, NOW)).repoTag, "example:latest");
  });
});
