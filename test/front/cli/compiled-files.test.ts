/** Files that are run with what V8 has compiled of them before. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { mustRun } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const MODULE = new URL("../../../src/front/cli/compiled-files.ts", import.meta.url).href;

/** Long functions that do next to nothing, so that what is compiled of each can be seen by its size. */
const body = (name: string) =>
  `exports.${name} = () => { let sum = 0; ${`sum += moduleUrl.length * 3; if (sum < 0) return "never";`.repeat(200)} return "${name}"; };`;

const fileOf = (...names: string[]) =>
  `(function (module, exports, require, moduleUrl) {\n${names.map(body).join("\n")}\n})`;

/** A file, where what is compiled of it is kept, and a way to run one of its functions. */
async function setUp(t: TestContext) {
  const folder = await temporaryFolder(t);
  const [file, kept] = [join(folder, "file.cjs"), join(folder, "kept")];
  writeFileSync(file, fileOf("f", "g"));
  const run = async (name: string): Promise<string> => {
    const program = `
      const { CompiledFiles } = await import(${JSON.stringify(MODULE)});
      const files = new CompiledFiles(${JSON.stringify(kept)});
      const loaded = files.load(${JSON.stringify(pathToFileURL(file).href)});
      console.log(loaded[${JSON.stringify(name)}]());
    `;
    return (await mustRun([process.execPath, "--input-type=module", "--eval", program])).trim();
  };
  return { folder, file, kept, run, names: () => readdirSync(kept), at: (name: string) => join(kept, name) };
}

describe("files that are compiled once", () => {
  it("are kept as far as they have run, with what later runs add, four times at most", async (t) => {
    const { run, names, at } = await setUp(t);
    assert.equal(await run("f"), "f");
    const [name = "", ...others] = names();
    assert.deepEqual(others, []);
    assert.equal(statSync(at(name)).mode & 0o777, 0o600);
    const alone = statSync(at(name)).size;
    assert.equal(await run("g"), "g");
    const both = statSync(at(name)).size;
    assert.ok(both > alone + 5000, `${alone} bytes, then ${both}`);
    await run("f");
    await run("g");
    const kept = readFileSync(at(name));
    const { mtimeMs } = statSync(at(name));
    assert.equal(await run("f"), "f");
    assert.deepEqual(readFileSync(at(name)), kept);
    assert.equal(statSync(at(name)).mtimeMs, mtimeMs);
    assert.deepEqual(names(), [name]);
  });

  it("aren't taken for others when the file has changed, by as many letters", async (t) => {
    const { run, file } = await setUp(t);
    assert.equal(await run("f"), "f");
    writeFileSync(file, fileOf("f", "g").replaceAll('return "f"', 'return "F"'));
    assert.equal(await run("f"), "F");
    assert.equal(await run("f"), "F");
  });

  it("are compiled anew, and kept, where what was kept is damaged", async (t) => {
    const { run, names, at } = await setUp(t);
    await run("f");
    const [name = ""] = names();
    const whole = readFileSync(at(name));
    for (const damaged of [
      whole.subarray(0, 0),
      whole.subarray(0, 20),
      whole.subarray(0, whole.length - 8),
      Buffer.from(whole).fill(0, whole.length / 2, whole.length / 2 + 512),
    ]) {
      writeFileSync(at(name), damaged);
      assert.equal(await run("f"), "f");
      assert.equal(readFileSync(at(name)).length, whole.length);
    }
  });

  it("are compiled each time where nothing can be kept", async (t) => {
    const { run, kept } = await setUp(t);
    writeFileSync(kept, "a file in the folder's place");
    assert.equal(await run("f"), "f");
    assert.equal(readFileSync(kept, "utf8"), "a file in the folder's place");
  });

  it("take the place of what versions before have left a month ago", async (t) => {
    const { run, kept, names, at } = await setUp(t);
    mkdirSync(kept);
    chmodSync(kept, 0o700);
    const days = (count: number) => new Date(Date.now() - count * 24 * 60 * 60 * 1000);
    for (const [name, age] of [
      ["cli.cjs-old", 31],
      ["cli.cjs-recent", 29],
    ] as const) {
      writeFileSync(at(name), "");
      utimesSync(at(name), days(age), days(age));
    }
    await run("f");
    assert.ok(!existsSync(at("cli.cjs-old")));
    assert.ok(existsSync(at("cli.cjs-recent")));
    assert.equal(names().length, 2);
  });
});
