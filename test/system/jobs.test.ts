/** One image by jobs: with make, and with xargs. What is done on many machines is in `machines.test.ts`. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { FakeRegistry } from "#testing";
import { seededBytes } from "../support/drafts.ts";
import { writeMonorepo } from "../support/monorepo.ts";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";

const MAKEFILE = fileURLToPath(new URL("../../examples/make/Makefile", import.meta.url));

/** The line of the page that an example stands in. */
function lines(page: string, beginning: string): string {
  const text = readFileSync(new URL(`../../examples/${page}`, import.meta.url), "utf8");
  return text.split("\n").find((line) => line.startsWith(beginning))!;
}

describe("an image by jobs", () => {
  const scope = stacked({ after });
  let registry: FakeRegistry;
  let folder: string;
  let project: string;
  /** Of the image as one machine makes it. */
  let digest: string;

  /** A machine's own environment. */
  const home = (name: string) => {
    const own = join(folder, `home-${name}`);
    mkdirSync(own, { recursive: true });
    return { HOME: own, VARVE_CACHE_DIR: join(own, "cache"), DOCKER_CONFIG: own };
  };
  const varve = (name: string, args: readonly string[]) =>
    mustRun([...builtCommand, ...args], { cwd: folder, env: home(name) });
  const digestAt = async (reference: string) =>
    (JSON.parse(await varve("reader", ["inspect", "--json", `docker://${reference}`])) as { digest: string })
      .digest;
  const uploads = () =>
    registry.requests.filter(({ method, path }) => method === "PUT" && path.includes("/blobs/")).length;

  before(async () => {
    folder = await temporaryFolder(scope);
    project = join(folder, "project");
    writeMonorepo(project, { services: 2, libraries: 4 });
    // Large enough that each package has a layer of its own.
    for (const name of ["a", "b", "c", "d", "e", "f"])
      writeFileSync(join(project, "node_modules", name, "data.bin"), seededBytes(name, 300_000));
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const command = builtCommand.map((word) => `'${word}'`).join(" ");
    writeFileSync(join(bin, "varve"), `#!/bin/sh\nexec ${command} "$@"\n`);
    chmodSync(join(bin, "varve"), 0o755);
    const service = join(project, "services/svc-0");
    await varve("single", ["build", service, "--from", "scratch", "--push", `${registry.host}/single:1`]);
    digest = await digestAt(`${registry.host}/single:1`);
  });

  const onPath = (name: string) => ({ ...home(name), PATH: `${join(folder, "bin")}:${process.env["PATH"]}` });

  it("by make is the same, and what is there isn't done again", { skip: requires("make") }, async () => {
    const variables = {
      PROJECT: "services/svc-0",
      REPOSITORY: `${registry.host}/made`,
      TAG: "1",
      JOBS: join(folder, "made"),
      ROOT: ".",
      PLAN: "--from scratch",
    };
    const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const make = () =>
      mustRun(["make", "-j4", "-f", MAKEFILE, ...words], { cwd: project, env: onPath("make") });
    const first = await make();
    assert.equal(await digestAt(`${registry.host}/made:1`), digest);
    assert.ok(first.includes("layer-01.done.json"), first);
    const before = statSync(join(folder, "made/layer-01.done.json")).mtimeMs;
    const sent = uploads();
    assert.doesNotMatch(await make(), /varve layer/);
    assert.equal(statSync(join(folder, "made/layer-01.done.json")).mtimeMs, before);
    assert.equal(uploads(), sent);
  });

  it("by xargs is the same, as the page says", { skip: requires("make") }, async () => {
    const there = (text: string) =>
      text
        .replaceAll("registry.example/app", `${registry.host}/xargs`)
        .replaceAll("--root path/to/project", "--root .")
        .replaceAll("path/to/project", "services/svc-0 --from scratch");
    const script = ["varve plan", "ls jobs/", "varve assemble"].map((each) => lines("make/README.md", each));
    await mustRun(["sh", "-euc", there(script.join("\n"))], { cwd: project, env: onPath("xargs") });
    assert.equal(await digestAt(`${registry.host}/xargs:1`), digest);
  });
});
