import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { countOperations, drawMoments, killedAt } from "../support/moments.ts";
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

/** Works on moments that are drawn from a seed, some at the same time. */
async function atMoments(
  moments: readonly number[],
  work: (moment: number, index: number) => Promise<void>,
): Promise<void> {
  const open = [...moments.entries()];
  const worker = async () => {
    for (let next = open.shift(); next !== undefined; next = open.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Runs varve, which is killed or gets to its end. */
async function runAndKill(
  images: Images,
  args: readonly string[],
  { env, kill }: { env?: Record<string, string>; kill?: (child: ChildProcess) => void } = {},
): Promise<void> {
  const { command, env: own } = images.command(args);
  const [program, ...rest] = command;
  const child = spawn(program, rest, { env: { ...process.env, ...own, ...env }, stdio: "ignore" });
  const exit = once(child, "exit");
  kill?.(child);
  const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
  assert.ok(signal === "SIGKILL" || code === 0, `varve ended with ${code ?? signal}`);
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

  it("at any moment of writing an OCI layout leaves it sound, and the next run finishes", async (t) => {
    const start = join(images.folder, "start");
    await images.varve(["copy", "--quiet", old, `oci:${start}:old`]);
    const whole = ["copy", "--quiet", ...fast, archive, `oci:${join(images.folder, "whole")}:new`];
    const last = await countOperations(t, (env) => images.varve(whole, { env }));

    await atMoments(drawMoments(t, { count: MOMENTS, last }), async (moment, index) => {
      const layout = join(images.folder, `layout-${index}`);
      await cp(start, layout, { recursive: true });
      const command = ["copy", "--quiet", ...fast, archive, `oci:${layout}:new`];
      await runAndKill(images, command, { env: killedAt(moment) });

      await assertWholeBlobs(layout);
      const copied = ["--insecure-policy", `oci:${layout}:old`, `dir:${layout}-copy`];
      await Promise.all([
        images.varve(["validate", `oci:${layout}:old`]),
        mustRun(["skopeo", "copy", "--quiet", ...copied]),
      ]);
      await finish(command, `oci:${layout}:new`);
      await assertWholeBlobs(layout);
      for (const folder of [layout, `${layout}-copy`]) await rm(folder, { recursive: true });
    });
  });

  it("at any moment of a push leaves the registry sound, and the next run finishes", async (t) => {
    const repository = (index: number) => `${registry.host}/killed-${index}`;
    const places = Array.from({ length: MOMENTS }, (_, index) => ["--push", `${repository(index)}:old`]);
    await images.varve([
      "build",
      "--quiet",
      await images.spec({ name: "older", sizes: [30_000] }),
      ...places.flat(),
    ]);
    const through = await startCountingProxy(t, registry.host);
    let last = 0;
    through.onSent = (total) => {
      last = total;
    };
    await images.varve(["push", "--quiet", ...fast, archive, `${through.host}/whole:new`]);

    await atMoments(drawMoments(t, { count: MOMENTS, last }), async (moment, index) => {
      // Each counts its own bytes.
      const proxy = await startCountingProxy(t, registry.host);
      const place = (host: string) => `${host}/killed-${index}:new`;
      await runAndKill(images, ["push", "--quiet", ...fast, archive, place(proxy.host)], {
        kill: (child) => {
          proxy.onSent = (total) => {
            if (total >= moment) child.kill("SIGKILL");
          };
        },
      });
      const command = ["push", "--quiet", ...fast, archive, place(registry.host)];

      const copy = join(images.folder, `copy-${index}`);
      const stored = `docker://${repository(index)}`;
      const copied = ["--insecure-policy", "--src-tls-verify=false", `${stored}:old`, `dir:${copy}`];
      await Promise.all([
        images.varve(["validate", `${stored}:old`]),
        mustRun(["skopeo", "copy", "--quiet", ...copied]),
      ]);
      // A tag that is there is whole.
      const tags = await fetch(`http://${registry.host}/v2/killed-${index}/tags/list`);
      if (((await tags.json()) as { tags: string[] }).tags.includes("new")) {
        await images.varve(["validate", `${stored}:new`]);
      }
      await finish(command, `${stored}:new`);
      await rm(copy, { recursive: true });
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
