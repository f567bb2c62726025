import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type BakeFileOptions, bakeJsonSchema, readBakeFile } from "#spec";
import { temporaryFolder } from "../../support/tmp.ts";

/** Reads a file with this content, and shows paths from its folder. */
async function read(t: TestContext, content: unknown, options: BakeFileOptions = {}) {
  const folder = await temporaryFolder(t);
  const path = join(folder, "varve.bake.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  const shown = JSON.stringify(await readBakeFile(path, options)).replaceAll(`${folder}/`, "FOLDER/");
  return JSON.parse(shown) as Awaited<ReturnType<typeof readBakeFile>>;
}

/** A variable as a file has it. */
const ref = (name: string) => ["$", "{", name, "}"].join("");

const names = ({ targets }: { targets: readonly { name: string }[] }) => targets.map(({ name }) => name);

describe("a file with targets", () => {
  it("has targets of paths, and of specs", async (t) => {
    const { targets, lockFile } = await read(
      t,
      `{
        // Comments and trailing commas are allowed.
        "lockFile": "layers.lock.json",
        "target": {
          "api": "services/api",
          "store": { "graph": "graph.json", "maxLayers": 5, "tags": ["r.example/store:1"], "platforms": ["linux/arm64"], },
        },
      }`,
    );
    assert.equal(lockFile, "FOLDER/layers.lock.json");
    assert.deepEqual(targets, [
      { name: "api", context: "FOLDER/services/api", tags: [], platforms: [], fields: {} },
      {
        name: "store",
        tags: ["r.example/store:1"],
        platforms: ["linux/arm64"],
        fields: { graph: "FOLDER/graph.json", maxLayers: 5 },
      },
    ]);
  });

  it("has groups, of which the one called default is what is meant", async (t) => {
    const file = {
      group: { default: { targets: ["web", "both"] }, both: ["api", "web"], loop: ["loop", "api"] },
      target: { api: "api", web: "web", job: "job", _common: { fromImage: "scratch" } },
    };
    assert.deepEqual(names(await read(t, file)), ["api", "web"]);
    assert.deepEqual(names(await read(t, file, { names: ["job", "loop"] })), ["api", "job"]);
    assert.deepEqual(names(await read(t, { ...file, group: {} })), ["api", "web", "job"]);
    await assert.rejects(read(t, file, { names: ["wep"] }), {
      code: "USAGE",
      message: /has no target or group wep; did you mean web\?/,
    });
    await assert.rejects(read(t, { target: {} }), { code: "INVALID_SPEC", message: /has no targets/ });
  });

  it("lets targets inherit, later ones and a target's own fields last, what has keys being joined", async (t) => {
    const file = {
      target: {
        _a: { labels: { x: "a", y: "a" }, tag: "a", tags: ["a"], config: { Env: ["A=1"] } },
        _b: { inherits: ["_a"], labels: { y: "b" }, tags: ["b"] },
        api: { inherits: ["_a", "_b"], context: "api", labels: { z: "own" } },
      },
    };
    const { targets } = await read(t, file);
    assert.deepEqual(targets, [
      {
        name: "api",
        context: "FOLDER/api",
        tags: ["b"],
        platforms: [],
        fields: { labels: { x: "a", y: "b", z: "own" }, tag: "a", config: { Env: ["A=1"] } },
      },
    ]);
    const circle = { target: { a: { inherits: ["b"] }, b: { inherits: ["a"] } } };
    await assert.rejects(read(t, circle), {
      code: "INVALID_SPEC",
      message: /the target a inherits from itself, by way of a and b/,
    });
    await assert.rejects(read(t, { target: { a: { inherits: ["c"] } } }), { code: "USAGE" });
  });

  it("has variables, for which the environment counts before the default", async (t) => {
    const file = {
      variable: { TAG: { default: "dev" }, REGISTRY: "r.example", NONE: {} },
      target: {
        api: {
          context: "api",
          tag: ref("TAG"),
          tags: [`${ref("REGISTRY")}/api:${ref("TAG")}`],
          labels: { a: `$${ref("TAG")}` },
        },
      },
    };
    const one = async (options?: BakeFileOptions) => (await read(t, file, options)).targets[0]!;
    assert.deepEqual((await one()).tags, ["r.example/api:dev"]);
    assert.deepEqual((await one()).fields, { tag: "dev", labels: { a: ref("TAG") } });
    assert.deepEqual((await one({ environment: { TAG: "7", OTHER: "x" } })).tags, ["r.example/api:7"]);
    const uses = (text: string) => ({ ...file, target: { api: { context: text } } });
    await assert.rejects(read(t, uses(ref("OTHER")), { environment: { OTHER: "x" } }), {
      code: "INVALID_SPEC",
      message: /the target api has \$\{OTHER\}, and there is no such variable; declare it/,
    });
    await assert.rejects(read(t, uses(ref("NONE"))), { code: "USAGE", message: /needs a value of NONE/ });
  });

  it("gets other values by --set, of one target or several", async (t) => {
    const file = {
      target: { "api-1": { context: "a" }, "api-2": { context: "b", labels: { x: "1" } }, web: "w" },
    };
    const set = [
      "api-*.tag=1.2",
      "*.platforms=linux/amd64,linux/arm64",
      "api-2.labels.y=2=3",
      "web.maxLayers=7",
    ];
    const { targets } = await read(t, file, { set });
    assert.deepEqual(
      targets.map(({ fields, platforms }) => [fields, platforms.length]),
      [
        [{ tag: "1.2" }, 2],
        [{ tag: "1.2", labels: { x: "1", y: "2=3" } }, 2],
        [{ maxLayers: 7 }, 2],
      ],
    );
    await assert.rejects(read(t, file, { set: ["api.tag=1"] }), { code: "USAGE", message: /no such target/ });
    await assert.rejects(read(t, file, { set: ["tag=1"] }), {
      code: "USAGE",
      message: /isn't TARGET\.KEY=VALUE/,
    });
  });

  it("is refused where it isn't as it should be", async (t) => {
    for (const [file, message] of [
      [{ targets: {} }, /it has no field "targets"; did you mean "target"\?/],
      [{ target: { "a b": "x" } }, /at target\.a b/],
      [{ target: { a: 5 } }, /at target\.a: must be a target, or the path/],
      [{ target: { a: { tags: "x" } } }, /at target\.a/],
      [{ target: { a: "x" }, variable: { "a-b": "1" } }, /at variable\.a-b/],
      [{ target: { a: "x" }, group: { g: "a" } }, /must be a list of targets/],
    ] as const) {
      await assert.rejects(read(t, file), { code: "INVALID_SPEC", message });
    }
  });

  it("has a JSON Schema that knows a spec's fields in targets", () => {
    const schema = JSON.stringify(bakeJsonSchema());
    for (const name of ["inherits", "context", "maxLayers", "lockFile", "variable"])
      assert.ok(schema.includes(JSON.stringify(name)));
  });
});
