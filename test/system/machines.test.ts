/**
 * What many machines make together that share nothing but a registry: the matrices of `examples/ci`, and the layers of one image. Each
 * job has a container of its own. Some are killed, as CI loses machines.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { load as parse } from "js-yaml";
import { seededBytes } from "../support/drafts.ts";
import { writeMonorepo } from "../support/monorepo.ts";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { type CiMachines, startCiMachines, type Work } from "./support/ci-machines.ts";

const example = (name: string) =>
  parse(readFileSync(new URL(`../../examples/ci/${name}`, import.meta.url), "utf8"));

interface Step {
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The exit code of what `kill -9` has ended. */
const KILLED = 137;

describe("many machines", { skip: requires("docker", "registry", "network", "openssl") }, () => {
  const scope = stacked({ after });
  let machines: CiMachines;
  let folder: string;
  let root: string;
  let count = 0;
  /** What one machine makes of all, by the images' names. */
  const digests = new Map<string, string>();

  before(async () => {
    machines = await startCiMachines(scope);
    folder = await temporaryFolder(scope);
    root = join(folder, "mono");
    writeMonorepo(root, { services: 4, libraries: 4 });
    // Large enough that each package has a layer of its own, which takes a while to send.
    for (const name of ["a", "b", "c", "d", "e", "f"])
      writeFileSync(join(root, "node_modules", name, "data.bin"), seededBytes(name, 300_000));
    writeFileSync(join(root, ".gitignore"), "node_modules/\n");
    const services = ["services/svc-0", "services/svc-1", "services/svc-2", "services/svc-3"];
    await here(["plan", ...services, "--lock-file", "layers.lock.json"], root);
    const git = async (...args: string[]) => mustRun(["git", ...args], { cwd: root, env: { HOME: folder } });
    const commit = async () => {
      await git("add", ".");
      await git("-c", "user.name=me", "-c", "user.email=me@example.com", "commit", "--quiet", "-m", "more");
    };
    await git("init", "--quiet");
    await commit();
    writeFileSync(join(root, "packages/lib-1/index.js"), "changed");
    await commit();
    const to = ["--to", `docker://${machines.here}/single/{name}:1`, "--json"];
    const printed = await here(["bake", root, "--lock-file", join(root, "layers.lock.json"), ...to], folder);
    for (const { target, digest } of JSON.parse(printed) as { target: string; digest: string }[])
      digests.set(target, digest);
  });

  /** Runs varve on this machine, which has been at it all the time. */
  const here = (args: readonly string[], cwd: string) => {
    const own = { HOME: folder, VARVE_CACHE_DIR: join(folder, "cache"), DOCKER_CONFIG: folder };
    return mustRun([...builtCommand, ...args], {
      cwd,
      env: { ...own, ...machines.env, VARVE_BASE: "scratch" },
    });
  };
  const digestAt = async (name: string) => {
    const printed = await here(["inspect", "--json", `docker://${machines.here}/${name}`], folder);
    return (JSON.parse(printed) as { digest: string }).digest;
  };

  /** What a job's scripts are for a machine with a checkout of its own. */
  function job(scripts: readonly string[], { env, ...more }: Partial<Work>): Work {
    const checkout = join(folder, `checkout-${count++}`);
    cpSync(root, checkout, { recursive: true, verbatimSymlinks: true });
    const script = scripts.filter((line) => !line.includes("varve login")).join("\n");
    return { checkout, script, env: { VARVE_BASE: "scratch", ...env }, ...more };
  }

  it("make the matrix of GitHub as one makes it, of what the last commit can have changed, though one is killed", async () => {
    const { jobs } = example(".github/workflows/images.yml") as Record<
      string,
      Record<string, { steps: Step[] }>
    >;
    const scriptsOf = (name: string) =>
      jobs![name]!.steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
    const outputs = join(folder, "outputs");
    mkdirSync(outputs);
    const matrixOf = async (BEFORE: string) => {
      writeFileSync(join(outputs, "github"), "");
      const env = { GITHUB_OUTPUT: "/outputs/github", BEFORE };
      await machines.mustRun(job(scriptsOf("plan"), { env, mounts: { "/outputs": outputs } }));
      const text = readFileSync(join(outputs, "github"), "utf8").replace(/^matrix=/, "");
      return (JSON.parse(text) as { include: { target: string }[] }).include.map(({ target }) => target);
    };
    const names = await matrixOf("HEAD~1");
    assert.deepEqual(names, ["svc-0", "svc-1"]);
    const image = (TARGET: string) =>
      job(scriptsOf("image"), { env: { TARGET, REGISTRY: `${machines.registry}/github`, TAG: "1" } });
    const victim = await machines.run({ ...image("svc-0"), killAfter: 200_000 });
    assert.equal(victim.code, KILLED, victim.stderr);
    await Promise.all(names.map((name) => machines.mustRun(image(name))));
    for (const name of names) assert.equal(await digestAt(`github/mono/${name}:1`), digests.get(name));
    // Without the commit before, all are meant.
    assert.equal((await matrixOf("0".repeat(40))).length, 4);
  });

  it("make the one of GitLab, too", async () => {
    const { plan } = example(".gitlab-ci.yml") as { plan: { script: string[] } };
    const { image } = example("images.yml") as { image: { script: string[]; extends: string } };
    const planned = job(plan.script, { env: { CI_COMMIT_BEFORE_SHA: "HEAD~1" } });
    await machines.mustRun(planned);
    const targets = parse(readFileSync(join(planned.checkout, "targets.yml"), "utf8")) as Record<
      string,
      { parallel: { matrix: { TARGET: string[] }[] } }
    >;
    const [{ TARGET: names }] = targets[image.extends]!.parallel.matrix as [{ TARGET: string[] }];
    assert.deepEqual(names, ["svc-0", "svc-1"]);
    const env = { CI_REGISTRY_IMAGE: `${machines.registry}/gitlab`, CI_COMMIT_SHA: "1" };
    await Promise.all(
      names.map((TARGET) => machines.mustRun(job(image.script, { env: { ...env, TARGET } }))),
    );
    for (const name of names) assert.equal(await digestAt(`gitlab/mono/${name}:1`), digests.get(name));
    const nothing = job(plan.script, { env: { CI_COMMIT_BEFORE_SHA: "HEAD" } });
    await machines.mustRun(nothing);
    assert.match(readFileSync(join(nothing.checkout, "targets.yml"), "utf8"), /^nothing-to-bake:$/m);
  });

  it("make the layers of one image, whichever of four is killed whenever", async () => {
    const single = `${machines.here}/workers/single:1`;
    await here(["build", "services/svc-0", "--push", single], root);
    const jobs = join(folder, "jobs");
    mkdirSync(jobs);
    const repository = `${machines.registry}/workers/app`;
    const mounts = { "/jobs": jobs };
    await machines.mustRun(job(["varve plan services/svc-0 --root . --jobs /jobs"], { mounts }));
    const queue = (await run(["ls", jobs])).stdout
      .toString()
      .split("\n")
      .filter((name) => /^layer-\d+\.json$/.test(name));
    assert.ok(queue.length > 4, `${queue.length} layers`);
    const layer = (names: readonly string[]) =>
      job(
        names.map((name) => `varve layer /jobs/${name} --root . --push ${repository}`),
        { mounts: Object.fromEntries(names.map((name) => [`/jobs/${name}`, join(jobs, name)])) },
      );
    // Each of these has some of the way behind it: a greeting, the first bytes of a layer, nearly all, one layer of two.
    let killed = 0;
    for (const [at, killAfter] of [1, 20_000, 250_000, 400_000].entries()) {
      const { code } = await machines.run({ ...layer(queue.slice(at, at + 2)), killAfter });
      if (code === KILLED) killed++;
    }
    assert.ok(killed >= 3, `${killed} were killed`);
    const shares = [0, 1, 2, 3].map((worker) => queue.filter((_, at) => at % 4 === worker));
    await Promise.all(shares.map((names) => machines.mustRun(layer(names))));
    await machines.mustRun(job([`varve assemble /jobs --push ${repository}:1`], { mounts }));
    assert.equal(await digestAt("workers/app:1"), await digestAt("workers/single:1"));
  });
});
