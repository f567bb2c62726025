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
      ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z", 0, 0, "root", "root", undefined],
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
        () => checkSpec({ name: "x", [field]: value }, { what: "spec.json" }),
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

  it("refuses a field that nobody knows, in its config too, and says which may be meant", () => {
    for (const [fields, message] of [
      [{ nmae: "y" }, /no field "nmae"; did you mean "name"\?$/],
      [{ port: 80 }, /no field "port"; did you mean "expose"\?$/],
      [{ image: "y" }, /no field "image"; did you mean "fromImage"\?$/],
      [{ fromimage: "y" }, /no field "fromimage"; did you mean "fromImage"\?$/],
      [{ xyzzy: "y" }, /no field "xyzzy"$/],
      [{ config: { CMD: [] } }, /at config: it has no field "CMD"; did you mean "Cmd"\?$/],
      [{ config: { cmd: [] } }, /at config: it has no field "cmd"; did you mean "Cmd"\?$/],
      [{ config: { ExposedPort: {} } }, /no field "ExposedPort"; did you mean "ExposedPorts"\?$/],
      [{ permissions: [{ path: "/x", Mode: "0755" }] }, /at permissions\.0: .*did you mean "mode"\?$/],
      [{ healthcheck: { cmd: "x", retry: 1 } }, /at healthcheck: /],
    ] as const) {
      assert.throws(() => checkSpec({ name: "x", ...fields }), { code: "INVALID_SPEC", message });
    }
  });

  it("keeps what Docker knows in a config, and, of nixpkgs' arguments, whatever is there", () => {
    const config = { Healthcheck: { Test: ["x"] }, StopTimeout: 5 };
    assert.deepEqual(checkSpec({ name: "x", config }).config, config);
    const odd = { Cmdd: 1 };
    assert.deepEqual(checkSpec({ name: "x", config: odd }, { anyConfig: true }).config, odd);
    assert.throws(() => checkSpec([]), { code: "INVALID_SPEC" });
    assert.throws(() => checkSpec({}), { code: "INVALID_SPEC", message: /at name/ });
  });

  it("takes short forms, and has the full config of them", () => {
    const { config } = checkSpec({
      name: "x",
      cmd: "node --flag 'a b' dist/index.js",
      expose: [3000, "53/udp"],
      env: { A: "1", B: 2, C: true },
      user: 1000,
      healthcheck: { cmd: "node check.js", interval: "1.5m", timeout: "500ms", retries: 2 },
      config: { WorkingDir: "/srv", Env: ["Z=1"], ExposedPorts: { "1/tcp": {} } },
    });
    assert.deepEqual(config, {
      WorkingDir: "/srv",
      Env: ["Z=1", "A=1", "B=2", "C=true"],
      ExposedPorts: { "1/tcp": {}, "3000/tcp": {}, "53/udp": {} },
      User: "1000",
      Cmd: ["node", "--flag", "a b", "dist/index.js"],
      Healthcheck: {
        Test: ["CMD", "node", "check.js"],
        Interval: 90_000_000_000,
        Timeout: 500_000_000,
        Retries: 2,
      },
    });
    assert.deepEqual(checkSpec({ name: "x", cmd: ["a", "b c"], healthcheck: false }).config, {
      Cmd: ["a", "b c"],
      Healthcheck: { Test: ["NONE"] },
    });
    // What is checked can be checked again.
    const checked = checkSpec({ name: "x", cmd: "a" });
    assert.deepEqual(checkSpec(checked), checked);
  });

  it("refuses a short form beside the field that says the same, and what only a shell can read", () => {
    for (const [fields, message] of [
      [{ cmd: "a", config: { Cmd: ["b"] } }, /at cmd: can't be there together with config\.Cmd/],
      [{ user: "a", config: { User: "b" } }, /at user: .*config\.User/],
      [{ env: { A: "1" }, config: { Env: ["A=2"] } }, /at env\.A: .*config\.Env/],
      [{ cmd: "a && b" }, /at cmd: must be a plain command/],
      [{ cmd: "a $B" }, /at cmd: must be a plain command/],
      [{ cmd: [] }, /at cmd: must be a plain command/],
      [{ cmd: 1 }, /at cmd: must be a command/],
      [{ expose: [0] }, /at expose\.0: /],
      [{ expose: ["http"] }, /at expose\.0: /],
    ] as const) {
      assert.throws(() => checkSpec({ name: "x", ...fields }), { code: "INVALID_SPEC", message });
    }
  });

  it("in a file may have comments and trailing commas, and is read strictly otherwise", async (t) => {
    const folder = await temporaryFolder(t);
    const read = async (text: string) => {
      await writeFile(`${folder}/spec.json`, text);
      return await readSpec(`${folder}/spec.json`);
    };
    const text = `// A spec.
      { /* its name */ "name": "x", // "tag": "y",
        "labels": { "a": "// no comment, }", "b": "/* neither */", },
        "contents": ["/a",],
      }`;
    const spec = await read(text);
    assert.deepEqual(spec.labels, { a: "// no comment, }", b: "/* neither */" });
    assert.deepEqual([spec.name, spec.tag, spec.contents], ["x", undefined, ["/a"]]);
    for (const wrong of [
      '{"name": "x", /* "tag": 1}',
      '{"name": "x", "contents": [,]}',
      '{"name": "x",,}',
      "{,}",
      '{"name": "x" / "tag": "y"}',
      '{"name": "x", "name": "y",} // twice',
      '{"name": "a\nb"}',
    ]) {
      await assert.rejects(read(wrong), { code: "INVALID_JSON" }, wrong);
    }
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
    await writeFile(`${folder}/broken.json`, '{"name": "x",,}');
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
