/** What a build and a push of a real project say: ten lines at most, and bytes that are those in the registry. */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type Images, startImages } from "./support/images.ts";
import { pushNodeBase } from "./support/node-bases.ts";
import { npmFixture } from "./support/npm-fixture.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

describe("a real project, built and pushed", { skip: requires("npm", "registry") }, () => {
  const scope = stacked({ after });
  let registry: Registry;
  let images: Images;
  let project: string;
  let base: string;
  before(async () => {
    registry = await startRegistry(scope);
    images = await startImages(scope);
    project = join(images.folder, "project");
    cpSync(await npmFixture("npm-small"), project, { recursive: true, verbatimSymlinks: true });
    writeFileSync(join(project, "varve.json"), '{ "name": "shop", "tag": "1", "expose": [3000] }');
    base = await pushNodeBase(images, registry);
  });

  /** The lines that a command says, beside which it prints nothing. */
  const said = async (args: readonly string[]) => {
    const { command, env } = images.command(args);
    const { code, stdout, stderr } = await run(command, { env });
    assert.deepEqual([code, stdout.length], [0, 0], stderr);
    return stderr.trimEnd().split("\n");
  };
  const push = (reference: string) => said(["build", project, "--from", base, "--push", reference]);

  it("is told in ten lines at most, and what is sent again is little", async () => {
    const reference = `${registry.host}/shop:1`;
    const first = await push(reference);
    assert.ok(first.length <= 10, first.join("\n"));
    const text = first.join("\n");
    assert.match(text, /^ {2}app +\d+ layers? .* sent$/m);
    assert.match(text, /^ {2}dependencies +\d+ layers? +\d+ packages +[\d.]+ [kM]B {2}sent$/m);
    assert.match(text, /^ {2}base +1 layer +[\d.]+ [kM]?B {2}mounted \(127\.0\.0\.1:\d+\/node:\d+-slim\)$/m);
    assert.match(
      text,
      /^Pushed 127\.0\.0\.1:\d+\/shop:1 in .*: [\d.]+ MB sent, [\d.]+ [kM]?B mounted \(compressed\)$/m,
    );
    assert.equal(first.at(-1), `Next: docker run --rm -p 3000:3000 ${reference}`);
    const { digest } = await images.inspect(reference);
    assert.equal(first.at(-2), `  ${digest}`);

    appendFileSync(join(project, "index.js"), "// changed\n");
    const second = (await push(reference)).join("\n");
    assert.match(second, /^ {2}dependencies .* {2}already there$/m);
    assert.match(second, /: [\d.]+ k?B sent, [\d.]+ MB already there \(compressed\)$/m);
  });

  it("can be copied with a line a layer", async () => {
    const place = `oci:${images.folder}/copy:1`;
    const lines = await said(["copy", `${registry.host}/shop:1`, place, "-v"]);
    const { layers } = await images.inspect(place);
    assert.equal(lines.length, layers.length + 4);
  });
});
