/**
 * What needs nothing that Linux alone has does without it: `/proc` is hidden, and varve believes that it is on a Mac. That
 * stands in for a machine that isn't there; whatever else is different on one is not tested.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { writeProject } from "../../support/npm-project.ts";
import { type Finished, run } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand } from "../../support/varve.ts";

const PRELOAD = `
import { existsSync } from "node:fs";
if (existsSync("/proc/self")) throw new Error("/proc is there");
Object.defineProperty(process, "platform", { value: "darwin" });
`;

describe("without what Linux alone has", { skip: requires("namespaces") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let registry: FakeRegistry;

  before(async () => {
    folder = await temporaryFolder(scope);
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    writeProject(join(folder, "project"));
    writeFileSync(join(folder, "preload.mjs"), PRELOAD);
    await succeed(here("build", "project", "--from", "scratch", "--quiet", "--output", "here.tar"));
  });

  const env = { DOCKER_CONFIG: "/nowhere", HOME: "/nowhere" };
  const here = (...args: string[]) => run([...sourceCommand, ...args], { env, cwd: folder });
  const elsewhere = (...args: string[]): Promise<Finished> =>
    run(
      [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs none /proc && exec "$@"',
        "sh",
        ...sourceCommand,
        ...args,
      ],
      {
        env: { ...env, NODE_OPTIONS: `--import=${join(folder, "preload.mjs")}` },
        cwd: folder,
      },
    );
  const succeed = async (ending: Promise<Finished>): Promise<string> => {
    const { code, stdout, stderr } = await ending;
    assert.equal(code, 0, stderr);
    return stdout.toString();
  };

  it("build makes the same image, the first time and again", async () => {
    for (const _ of ["first", "again"]) {
      await succeed(elsewhere("build", "project", "--from", "scratch", "--quiet", "--output", "there.tar"));
      assert.ok(readFileSync(join(folder, "there.tar")).equals(readFileSync(join(folder, "here.tar"))));
    }
  });

  it("push, pull and copy bring images from place to place", async () => {
    const reference = `${registry.host}/app:1`;
    await succeed(elsewhere("build", "project", "--from", "scratch", "--quiet", "--push", reference));
    await succeed(elsewhere("copy", "here.tar", "oci:layout", "--quiet"));
    await succeed(elsewhere("push", "oci:layout", `${registry.host}/copied:1`, "--quiet"));
    await succeed(elsewhere("pull", `${registry.host}/copied:1`, "pulled.tar", "--quiet"));
    await succeed(elsewhere("why", "here.tar", `docker://${reference}`));
    await succeed(elsewhere("validate", "pulled.tar"));
  });

  it("plan shows layers", async () => {
    await succeed(elsewhere("plan", "project", "--html", "plan.html"));
    assert.match(readFileSync(join(folder, "plan.html"), "utf8"), /<title>/);
  });

  it("a script says that it needs Linux", async () => {
    writeFileSync(join(folder, "scripted.json"), JSON.stringify({ name: "s", extraCommands: "true" }));
    const { code, stderr } = await elsewhere("build", "scripted.json", "--output", "s.tar");
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^Error: scripts run in namespaces, which only Linux has; build this image on Linux/m,
    );
  });
});
