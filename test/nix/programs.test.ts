import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { temporaryFolder } from "../support/tmp.ts";
import { evaluate, tryToEvaluate } from "./evaluate.ts";

/** Has a program of the Nix functions run with this machine's shell and a varve that writes down what it is asked. */
async function program(t: TestContext, expression: string) {
  const folder = await temporaryFolder(t);
  const [log, varve, script] = ["log", "varve", "script"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(varve, `#!/bin/bash\necho "$*" >>${log}\n[ "$3" != fail:1 ] || exit 3\n`);
  const text = (await evaluate(`(${expression}).text`)) as string;
  await writeFile(
    script,
    text
      .replace(/^#!.*/, "#!/bin/bash")
      .replaceAll(/\/nix\/store\/\w{32}-varve\/bin\/varve/g, varve)
      .replaceAll(/\/nix\/store\/\w{32}-/g, ""),
  );
  await writeFile(log, "");
  for (const file of [varve, script]) await chmod(file, 0o755);
  return async (...args: string[]) => {
    await writeFile(log, "");
    const { code } = await run([script, ...args], { env: { PATH: `${folder}:${process.env["PATH"]}` } });
    return { code, asked: (await readFile(log, "utf8")).trimEnd().split("\n") };
  };
}

const IMAGE = 'tools.buildImage { name = "a"; tag = "1"; }';

describe("pushImage", { skip: requires("nixEvaluation") }, () => {
  it("pushes under each tag, with all options", async (t) => {
    const push = await program(
      t,
      `tools.pushImage { image = ${IMAGE}; reference = "localhost:5000/it's:old"; tags = [ "1" "1.2" ]; }`,
    );
    const { code, asked } = await push("--quiet", "--cacert", "x");
    assert.equal(code, 0);
    const source = "push docker-archive:docker-image-a.tar.gz";
    assert.deepEqual(asked, [
      `${source} localhost:5000/it's:1 --quiet --cacert x`,
      `${source} localhost:5000/it's:1.2 --quiet --cacert x`,
    ]);
  });

  it("pushes under the references that it is given instead, and ends where one fails", async (t) => {
    const push = await program(t, `tools.pushImage { image = ${IMAGE}; tags = [ "2" ]; }`);
    const refs = async (...args: string[]) => {
      const { code, asked } = await push(...args);
      return [code, ...asked.map((line) => line.split(" ")[2])];
    };
    assert.deepEqual(await refs(), [0, "a:2"]);
    assert.deepEqual(await refs("b:1", "c:1", "--quiet"), [0, "b:1", "c:1"]);
    assert.deepEqual(await refs("b:1", "fail:1", "c:1"), [3, "b:1", "fail:1"]);
  });

  it("knows a tag from a port", async () => {
    const references = (reference: string) =>
      evaluate(
        `(tools.pushImage { image = ${IMAGE}; reference = "${reference}"; tags = [ "x" ]; }).references`,
      );
    assert.deepEqual(await references("localhost:5000/a"), ["localhost:5000/a:x"]);
    assert.deepEqual(await references("localhost:5000/a:1"), ["localhost:5000/a:x"]);
    assert.deepEqual(await references("a"), ["a:x"]);
    assert.deepEqual(await evaluate(`(tools.pushImage (${IMAGE})).references`), ["a:1"]);
  });
});

describe("copyToPodman", { skip: requires("nixEvaluation") }, () => {
  /** The program's last line, without the store's names. */
  const pipe = async (image: string) => {
    const text = (await evaluate(`(tools.copyToPodman (${image})).text`)) as string;
    const short = text
      .replaceAll(/\/nix\/store\/\w{32}-/g, "")
      .trimEnd()
      .split("\n");
    assert.equal(short.at(-2), "set -o pipefail");
    return short.at(-1);
  };

  it("pipes an image to podman, of its conf or its archive", async () => {
    const archive = 'varve/bin/varve merge --quiet docker-archive:docker-image-a.tar.gz - | podman load "$@"';
    assert.equal(await pipe(IMAGE), archive);
    const streamed = 'varve/bin/varve stream a-conf.json | podman load "$@"';
    assert.equal(await pipe('tools.streamLayeredImage { name = "a"; }'), streamed);
  });

  it("refuses an index", async () => {
    const { code, stderr } = await tryToEvaluate(
      `(tools.copyToPodman (tools.imageIndex { images = [ (${IMAGE}) ]; })).outPath`,
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /copyToPodman takes one image, and a is an index/);
  });
});
