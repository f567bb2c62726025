/** The matrices of `examples/ci`: their jobs, one after the other, each with a checkout and a cache folder of its own. */
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { load as parse } from "js-yaml";
import { FakeRegistry } from "#testing";
import { writeMonorepo } from "../support/monorepo.ts";
import { mustRun } from "../support/process.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";

const example = (name: string) =>
  parse(readFileSync(new URL(`../../examples/ci/${name}`, import.meta.url), "utf8"));

interface Step {
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

describe("a job for each image", () => {
  const scope = stacked({ after });
  let registry: FakeRegistry;
  let folder: string;
  let root: string;
  let count = 0;
  /** What one machine makes of all, by the images' names. */
  const digests = new Map<string, string>();

  before(async () => {
    folder = await temporaryFolder(scope);
    root = join(folder, "mono");
    writeMonorepo(root, { services: 4, libraries: 4 });
    writeFileSync(join(root, ".gitignore"), "node_modules/\n");
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    // What is installed comes with the checkout; npx finds varve where the project has it.
    mkdirSync(join(folder, "bin"));
    const command = builtCommand.map((word) => `'${word}'`).join(" ");
    for (const [name, text] of [
      ["npm", ":"],
      ["npx", `shift; exec ${command} "$@"`],
    ] as const) {
      writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, "bin", name), 0o755);
    }
    const services = ["services/svc-0", "services/svc-1", "services/svc-2", "services/svc-3"];
    await machine([...builtCommand, "plan", ...services, "--lock-file", "layers.lock.json"], root);
    const git = async (...args: string[]) => mustRun(["git", ...args], { cwd: root, env: { HOME: folder } });
    const commit = async () => {
      await git("add", ".");
      await git("-c", "user.name=me", "-c", "user.email=me@example.com", "commit", "--quiet", "-m", "more");
    };
    await git("init", "--quiet");
    await commit();
    writeFileSync(join(root, "packages/lib-1/index.js"), "changed");
    await commit();
    const to = `docker://${registry.host}/single/{name}:1`;
    const lock = join(root, "layers.lock.json");
    const printed = await machine(
      [...builtCommand, "bake", root, "--lock-file", lock, "--to", to, "--json"],
      folder,
    );
    for (const { target, digest } of JSON.parse(printed) as { target: string; digest: string }[])
      digests.set(target, digest);
  });

  /** Runs a command on a machine that has nothing of others. */
  async function machine(
    command: readonly string[],
    cwd: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const home = join(folder, `home-${count++}`);
    mkdirSync(home);
    return await mustRun(command as [string, ...string[]], {
      cwd,
      env: {
        ...{ HOME: home, VARVE_CACHE_DIR: join(home, "cache"), VARVE_BASE: "scratch", DOCKER_CONFIG: home },
        PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
        ...env,
      },
    });
  }

  /** Runs a job's scripts in a checkout of its own. */
  async function job(scripts: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
    const checkout = join(folder, `checkout-${count}`);
    cpSync(root, checkout, { recursive: true, verbatimSymlinks: true });
    const lines = scripts.filter((line) => !line.includes("varve login")).join("\n");
    await machine(["bash", "-euo", "pipefail", "-c", lines], checkout, env);
    return checkout;
  }

  const digestAt = (name: string) => {
    const found = [...registry.manifests].find(([key]) => key.startsWith(`${name}:sha256:`));
    return found?.[0].slice(name.length + 1);
  };

  it("of GitHub makes what one machine makes, and only what the last commit can have changed", async () => {
    const { jobs } = example(".github/workflows/images.yml") as Record<
      string,
      Record<string, { steps: Step[] }>
    >;
    const scriptsOf = (name: string) =>
      jobs![name]!.steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
    const output = join(folder, "output");
    await job(scriptsOf("plan"), { GITHUB_OUTPUT: output, BEFORE: "HEAD~1" });
    const matrix = JSON.parse(readFileSync(output, "utf8").replace(/^matrix=/, "")) as {
      include: { target: string }[];
    };
    assert.deepEqual(
      matrix.include.map(({ target }) => target),
      ["svc-0", "svc-1"],
    );
    for (const { target: TARGET } of matrix.include) {
      await job(scriptsOf("image"), { TARGET, REGISTRY: `${registry.host}/github`, TAG: "1" });
      assert.equal(digestAt(`github/mono/${TARGET}`), digests.get(TARGET));
    }
    // Without the commit before, all are meant.
    await job(scriptsOf("plan"), { GITHUB_OUTPUT: output, BEFORE: "0".repeat(40) });
    assert.match(readFileSync(output, "utf8"), /"svc-3"/);
  });

  it("of GitLab does the same", async () => {
    const { plan } = example(".gitlab-ci.yml") as { plan: { script: string[] } };
    const { image } = example("images.yml") as { image: { script: string[]; extends: string } };
    const checkout = await job(plan.script, { CI_COMMIT_BEFORE_SHA: "HEAD~1" });
    const targets = parse(readFileSync(join(checkout, "targets.yml"), "utf8")) as Record<
      string,
      { parallel: { matrix: { TARGET: string[] }[] } }
    >;
    const [{ TARGET: names }] = targets[image.extends]!.parallel.matrix as [{ TARGET: string[] }];
    assert.deepEqual(names, ["svc-0", "svc-1"]);
    for (const TARGET of names) {
      await job(image.script, { TARGET, CI_REGISTRY_IMAGE: `${registry.host}/gitlab`, CI_COMMIT_SHA: "1" });
      assert.equal(digestAt(`gitlab/mono/${TARGET}`), digests.get(TARGET));
    }
    const nothing = await job(plan.script, { CI_COMMIT_BEFORE_SHA: "HEAD" });
    assert.match(readFileSync(join(nothing, "targets.yml"), "utf8"), /^nothing-to-bake:$/m);
  });
});
