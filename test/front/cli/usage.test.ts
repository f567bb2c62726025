import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { run } from "../../support/process.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

const packageJson = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));

describe("varve", { concurrency: 2 }, () => {
  it("prints its version, and nothing else", async () => {
    for (const args of [["--version"], ["-V"]]) {
      const { code, stdout, stderr } = await varve(args);
      assert.deepEqual([code, stdout.toString(), stderr], [0, `${packageJson.version}\n`, ""]);
    }
  });

  it("prints help on stdout, of itself and of each command", async () => {
    const { code, stdout, stderr } = await varve(["--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    const help = stdout.toString();
    for (const name of ["build", "stream", "layers", "inspect"])
      assert.match(help, new RegExp(`^  ${name} +\\w`, "m"));
    // A Node user's come first, in the program's help and in that of build.
    assert.ok(help.indexOf("build") < help.indexOf("stream"));
    const ofBuild = (await varve(["build", "--help"])).stdout.toString();
    assert.match(
      ofBuild,
      /^Where it goes:\n {2}--load .*^What is in it:.*^How it is divided.*^For Nix.*--graph/ms,
    );
    assert.doesNotMatch(ofBuild.split("For Nix")[0]!, /component|graph/);
    for (const name of ["stream"]) {
      const ofCommand = await varve([name, "--help"]);
      assert.equal(ofCommand.code, 0);
      assert.match(ofCommand.stdout.toString(), new RegExp(`^Usage: varve ${name} `));
      assert.deepEqual((await varve(["help", name])).stdout, ofCommand.stdout);
    }
  });

  for (const [what, args, wording] of [
    ["no command", [], /^Usage: varve/],
    ["a command that it doesn't know", ["biuld"], /unknown command 'biuld'/],
    ["an option that it doesn't know", ["layers", "--nope", "x"], /unknown option '--nope'/],
    ["an argument that is missing", ["stream"], /missing required argument 'conf'/],
    ["an argument too many", ["layers", "a", "b"], /too many arguments/],
    ["an option without its value", ["build", "spec.json", "--output"], /argument missing/],
    [
      "a number that is none",
      ["layers", "x", "--max-layers", "many"],
      /'many' is invalid\. It must be a whole number/,
    ],
    [
      "a number that makes no sense",
      ["layers", "x", "--max-layers", "1"],
      /maxLayers is 1, but it must be an integer over 1/,
    ],
  ] as const) {
    it(`takes ${what} for wrong usage: status 2, a word on stderr, no stack`, async () => {
      const { code, stdout, stderr } = await varve(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, wording);
      assert.doesNotMatch(stderr, /^ +at /m);
      assert.equal(stdout.length, 0);
    });
  }

  it("names the command's own help after an option that it doesn't know", async () => {
    const { code, stderr } = await varve(["build", "--destination", "x.tar"]);
    assert.equal(code, 2);
    assert.equal(stderr, "error: unknown option '--destination'\n(varve build --help says more)\n");
  });

  for (const version of ["20.11.1", "22.14.0"]) {
    it(`says in one line that it needs a newer Node.js than ${version}`, async () => {
      const older = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
      const [node, ...program] = sourceCommand;
      const { code, stdout, stderr } = await run([
        node,
        "--import",
        `data:text/javascript,${older}`,
        ...program,
        "--version",
      ]);
      assert.equal(stderr, `Error: varve needs Node.js 22.15 or newer, but this is ${version}\n`);
      assert.deepEqual([code, stdout.length], [1, 0]);
    });
  }

  it("has the same least version in its package as in its entry", () => {
    assert.equal(packageJson.engines.node, ">=22.15");
  });
});
