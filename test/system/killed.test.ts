import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { type Images, startImages } from "./support/images.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

const MOMENTS = 20;
/** How many are killed at the same time. */
const AT_ONCE = 2;

/** Most of the time is not to go into compressing. */
const fast = ["--compression", "zstd:1"];

/** Runs varve and kills it, without a warning, after so many milliseconds; tells whether it was still at work. */
async function runAndKill(images: Images, args: readonly string[], milliseconds: number): Promise<boolean> {
  const { command, env } = images.command(args);
  const [program, ...rest] = command;
  const child = spawn(program, rest, { env: { ...process.env, ...env }, stdio: "ignore" });
  const exit = once(child, "exit");
  const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
  const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  assert.ok(signal === "SIGKILL" || code === 0, `varve ended with ${code ?? signal}`);
  return signal === "SIGKILL";
}

/** Works on each moment of a run that takes so many milliseconds: a random one of each of as many equal spans. */
async function atRandomMoments(
  duration: number,
  work: (at: number, index: number) => Promise<boolean>,
): Promise<void> {
  const spans = Array.from({ length: MOMENTS }, (_, index) => index);
  let killed = 0;
  const worker = async () => {
    for (let index = spans.shift(); index !== undefined; index = spans.shift()) {
      if (await work((duration * (index + Math.random())) / MOMENTS, index)) killed++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  assert.ok(killed >= MOMENTS / 2, `only ${killed} of ${MOMENTS} runs were killed at work`);
}

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

describe("varve that is killed", { skip: requires("registry", "skopeo", "busybox") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;
  /** Docker-archives: what was there before, and what is being written when varve is killed. */
  let old: string;
  let archive: string;

  before(async () => {
    images = await startImages(scope);
    registry = await startRegistry(scope);
    old = await images.build({ name: "old", sizes: [20_000, 10_000] });
    const sizes = Array.from({ length: 10 }, (_, index) => 500_000 + index);
    archive = await images.build({ name: "new", sizes });
  });

  /** Runs a command that has been killed before to its end, and checks that what it wrote is whole. */
  async function finish(command: readonly string[], place: string): Promise<void> {
    const [written] = JSON.parse(await images.varve([...command, "--json"])) as [{ digest: string }];
    const validated = await images.varve(["validate", "--json", place]);
    assert.equal((JSON.parse(validated) as { manifest: string }).manifest, written.digest);
  }

  it("at any moment of writing an OCI layout leaves it sound, and the next run finishes", async () => {
    const start = join(images.folder, "start");
    await images.varve(["copy", "--quiet", old, `oci:${start}:old`]);
    const whole = ["copy", "--quiet", ...fast, archive, `oci:${join(images.folder, "whole")}:new`];

    await atRandomMoments(await millisecondsOf(() => images.varve(whole)), async (at, index) => {
      const layout = join(images.folder, `layout-${index}`);
      await cp(start, layout, { recursive: true });
      const command = ["copy", "--quiet", ...fast, archive, `oci:${layout}:new`];
      const killed = await runAndKill(images, command, at);

      await assertWholeBlobs(layout);
      const copied = ["--insecure-policy", `oci:${layout}:old`, `dir:${layout}-copy`];
      await Promise.all([
        images.varve(["validate", `oci:${layout}:old`]),
        mustRun(["skopeo", "copy", "--quiet", ...copied]),
      ]);
      await finish(command, `oci:${layout}:new`);
      await assertWholeBlobs(layout);
      for (const folder of [layout, `${layout}-copy`]) await rm(folder, { recursive: true });
      return killed;
    });
  });

  it("at any moment of a push leaves the registry sound, and the next run finishes", async () => {
    const repository = (index: number) => `${registry.host}/killed-${index}`;
    const places = Array.from({ length: MOMENTS }, (_, index) => ["--push", `${repository(index)}:old`]);
    await images.varve([
      "build",
      "--quiet",
      await images.spec({ name: "older", sizes: [30_000] }),
      ...places.flat(),
    ]);
    const whole = ["push", "--quiet", ...fast, archive, `${registry.host}/whole:new`];

    await atRandomMoments(await millisecondsOf(() => images.varve(whole)), async (at, index) => {
      const command = ["push", "--quiet", ...fast, archive, `${repository(index)}:new`];
      const killed = await runAndKill(images, command, at);

      const copy = join(images.folder, `copy-${index}`);
      const place = `docker://${repository(index)}`;
      const copied = ["--insecure-policy", "--src-tls-verify=false", `${place}:old`, `dir:${copy}`];
      await Promise.all([
        images.varve(["validate", `${place}:old`]),
        mustRun(["skopeo", "copy", "--quiet", ...copied]),
      ]);
      // A tag that is there is whole.
      const tags = await fetch(`http://${registry.host}/v2/killed-${index}/tags/list`);
      if (((await tags.json()) as { tags: string[] }).tags.includes("new")) {
        await images.varve(["validate", `${place}:new`]);
      }
      await finish(command, `${place}:new`);
      await rm(copy, { recursive: true });
      return killed;
    });
  });
});

/** Checks that every blob of a layout has the digest that is its name, and that all its index names is there. */
async function assertWholeBlobs(layout: string): Promise<void> {
  const folder = join(layout, "blobs", "sha256");
  for (const name of await readdir(folder)) {
    // What is being written lies beside the blobs, under a name that is no digest.
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    assert.equal(
      createHash("sha256")
        .update(await readFile(join(folder, name)))
        .digest("hex"),
      name,
    );
  }
  JSON.parse(await readFile(join(layout, "index.json"), "utf8"));
  JSON.parse(await readFile(join(layout, "oci-layout"), "utf8"));
}

describe("a registry that is killed", { skip: requires("registry", "busybox") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;
  let archive: string;

  before(async () => {
    images = await startImages(scope);
    registry = await startRegistry(scope);
    const sizes = Array.from({ length: 10 }, (_, index) => 900_000 + index);
    archive = await images.build({ name: "app", sizes });
  });

  for (const compression of ["gzip", "zstd", "none"] as const) {
    it(`and started again gets the rest of a push (${compression}), and nothing twice that had arrived`, async (t) => {
      const proxy = await startCountingProxy(t, registry.host);
      let arrived: string[] = [];
      let firstAfter = 0;
      const restarted = Promise.withResolvers<void>();
      const killAndRestart = async () => {
        await registry.kill();
        // Also what it didn't get to answer.
        arrived = await layersOf(registry, compression);
        firstAfter = proxy.nextNumber;
        await registry.restart();
      };
      proxy.onSent = (total) => {
        if (total < 2_500_000 || finishedUploads(proxy).length === 0) return;
        proxy.onSent = undefined;
        killAndRestart().then(restarted.resolve, restarted.reject);
      };

      const name = `${proxy.host}/${compression}:1`;
      await images.varve(["push", "--quiet", "--compression", compression, archive, name]);
      await restarted.promise;
      assert.ok(arrived.length > 0, "something had arrived");
      assert.ok(
        proxy.requests.some(({ status }) => status === 0),
        "something was cut off",
      );
      const late = finishedUploads(proxy).filter(({ number }) => number >= firstAfter);
      assert.ok(late.length > 0, "something was still to be sent");
      const digests = late.map(({ digest }) => digest);
      assert.deepEqual(
        digests.filter((digest, index) => arrived.includes(digest) || digests.indexOf(digest) !== index),
        [],
      );
      await images.varve(["validate", `docker://${name}`]);
    });
  }
});

/** The blobs that a registry took, and when. */
function finishedUploads({ requests }: CountingProxy): { digest: string; number: number }[] {
  return requests
    .filter(
      ({ method, status, path }) => method === "PUT" && status === 201 && path.includes("/blobs/uploads/"),
    )
    .map(({ path, number }) => ({
      digest: new URLSearchParams(path.split("?")[1]).get("digest") ?? "",
      number,
    }));
}

/** The digests of the blobs that a repository of a registry has on its disk. */
async function layersOf({ storage }: Registry, repository: string): Promise<string[]> {
  const links = join(storage, "docker/registry/v2/repositories", repository, "_layers/sha256");
  return (await readdir(links)).map((name) => `sha256:${name}`);
}
