import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { VarveError } from "#errors";
import { checkSpec, readSpec, specJsonSchema } from "#spec";
import { temporaryFolder } from "../../support/tmp.ts";

describe("a spec", () => {
  it("needs a name and nothing else; the rest is as dockerTools has it", () => {
    const spec = checkSpec({ name: "x" });
    assert.deepEqual(
      [spec.created, spec.mtime, spec.uid, spec.gid, spec.uname, spec.gname, spec.maxLayers],
      ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z", 0, 0, "root", "root", 100],
    );
    assert.deepEqual(
      [spec.tag, spec.graph, spec.fromImage, spec.architecture],
      [undefined, undefined, undefined, undefined],
    );
    assert.deepEqual([spec.contents, spec.copyToRoot, spec.config], [[], [], {}]);
    assert.deepEqual(
      [spec.includeStorePaths, spec.followBase, spec.keepContentsDirlinks],
      [true, true, false],
    );
  });

  for (const [field, value] of Object.entries({
    name: "",
    tag: 1,
    fromImage: ["a.tar"],
    graph: {},
    omit: ["prod"],
    exclude: "a",
    contents: 1,
    copyToRoot: [1],
    keepContentsDirlinks: "yes",
    includeStorePaths: 0,
    fakeNss: "root",
    binSh: "bin/sh",
    usrBinEnv: 1,
    caCertificates: "",
    tmp: "/tmp",
    permissions: [{ path: "/x", mode: "0999" }],
    followBase: "no",
    config: [],
    architecture: 64,
    created: "yesterday",
    mtime: "2024-02-30",
    uid: -1,
    gid: 1.5,
    uname: null,
    gname: 0,
    maxLayers: 1,
    runAsRoot: 1,
    extraCommands: { path: "x" },
    fakeRootCommands: ["true"],
    enableFakechroot: "yes",
    network: "host",
    scriptTimeout: 0,
    includeNixDB: 1,
    layered: "no",
  })) {
    it(`is refused for a wrong ${field}, which the error names`, () => {
      assert.throws(
        () => checkSpec({ name: "x", [field]: value }, "spec.json"),
        (error) => {
          assert.ok(error instanceof VarveError);
          assert.equal(error.code, "INVALID_SPEC");
          assert.match(error.message, new RegExp(`^spec\\.json isn't as it should be at ${field}\\b`));
          assert.ok(!error.message.includes("\n"));
          return true;
        },
      );
    });
  }

  it("is refused for a wrong field in its config, and names that", () => {
    for (const [config, place] of [
      [{ Env: "A=1" }, "config.Env"],
      [{ Cmd: ["a", 1] }, "config.Cmd.1"],
      [{ Labels: { a: 1 } }, "config.Labels.a"],
    ] as const) {
      assert.throws(() => checkSpec({ name: "x", config }), {
        code: "INVALID_SPEC",
        message: new RegExp(` at ${place}:`),
      });
    }
  });

  it("is refused in a sentence that can be read, however long its keys are", () => {
    const long = "x".repeat(100_000);
    for (const fields of [{ [long]: 1 }, { labels: { [long]: 1 } }]) {
      assert.throws(() => checkSpec({ name: "x", ...fields }), {
        code: "INVALID_SPEC",
        message: /^.{1,600}$/,
      });
    }
  });

  it("keeps fields of its config that it doesn't know, and refuses others that it doesn't", () => {
    assert.deepEqual(checkSpec({ name: "x", config: { Healthcheck: { Test: ["x"] } } }).config, {
      Healthcheck: { Test: ["x"] },
    });
    assert.throws(() => checkSpec({ name: "x", nmae: "y" }), { code: "INVALID_SPEC", message: /nmae/ });
    assert.throws(() => checkSpec([]), { code: "INVALID_SPEC" });
    assert.throws(() => checkSpec({}), { code: "INVALID_SPEC", message: /at name/ });
  });

  it("takes times with an offset, dates, and now", () => {
    for (const created of ["now", "2024-02-29", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00.25+05:30"]) {
      assert.equal(checkSpec({ name: "x", created }).created, created);
    }
    // Without an offset it would be another time in every time zone.
    assert.throws(() => checkSpec({ name: "x", created: "2024-02-29T12:00:00" }), { code: "INVALID_SPEC" });
  });

  it("in a file has paths relative to the file's folder", async (t) => {
    const folder = await temporaryFolder(t);
    const fields = {
      name: "x",
      graph: "project",
      contents: ["a/b", "/abs"],
      fromImage: "./base.tar",
      extraCommands: { file: "x.sh" },
      runAsRoot: "x.sh",
    };
    await writeFile(`${folder}/spec.json`, JSON.stringify(fields));
    await writeFile(`${folder}/base.tar`, "");
    const spec = await readSpec(`${folder}/spec.json`);
    assert.equal(spec.graph, `${folder}/project`);
    assert.equal(spec.fromImage, `${folder}/base.tar`);
    assert.deepEqual(spec.contents, [`${folder}/a/b`, "/abs"]);
    assert.deepEqual([spec.extraCommands, spec.runAsRoot], [{ file: `${folder}/x.sh` }, "x.sh"]);
  });

  it("in a file that is missing or no JSON is refused by the file's name", async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(readSpec(`${folder}/gone.json`), {
      code: "NOT_FOUND",
      message: `cannot read ${folder}/gone.json: it does not exist`,
    });
    await writeFile(`${folder}/broken.json`, '{"name": "x",}');
    await assert.rejects(readSpec(`${folder}/broken.json`), {
      code: "INVALID_JSON",
      message: new RegExp(`^${folder}/broken\\.json is not valid JSON`),
    });
    await writeFile(`${folder}/twice.json`, '{"name": "x", "name": "y"}');
    await assert.rejects(readSpec(`${folder}/twice.json`), { code: "INVALID_JSON", message: /"name" twice/ });
    await writeFile(`${folder}/list.json`, "[]");
    await assert.rejects(readSpec(`${folder}/list.json`), { code: "INVALID_SPEC" });
  });

  it("has a JSON Schema that describes every field", () => {
    const schema = specJsonSchema() as {
      properties: Record<string, { description?: string }>;
      required: string[];
    };
    assert.deepEqual(schema.required, ["name"]);
    for (const [field, { description }] of Object.entries(schema.properties)) {
      if (field !== "$schema") assert.ok(description, `${field} is described`);
    }
  });
});
