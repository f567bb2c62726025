import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { DigestCache } from "#cache";
import { measureLayers } from "#measure";
import { writeProject } from "../../support/npm-project.ts";
import { mustRun } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";
import { sourceCommand } from "../../support/varve.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** A spec of two layers, one of which is more than a ring of chunks has room for. */
async function spec(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  writeProject(join(folder, "project"));
  writeTree(join(folder, "project/node_modules/dep/large"), { file: "x".repeat(9_000_000) });
  writeFileSync(join(folder, "spec.json"), '{"name": "image", "tag": "1", "graph": "project"}');
  return folder;
}

/** Builds into an archive, whose layers are measured before, and a layout, whose layers are read once and compressed. */
async function digests(command: readonly [string, ...string[]], folder: string): Promise<unknown[]> {
  const built: unknown[] = [];
  for (const place of ["docker-archive:image.tar", "oci:layout"]) {
    const args = ["build", "--no-cache", "--quiet", "--json", "spec.json", "-o", place];
    const json = await mustRun([...command, ...args], { cwd: folder });
    built.push(JSON.parse(json));
    for (const name of readdirSync(folder))
      if (/^(image|layout)/.test(name)) rmSync(join(folder, name), { recursive: true });
  }
  return built;
}

const JOBS = ["measure", "hash", "compress"];

type Body = (job: string) => string;

describe("a build", { concurrency: 2 }, () => {
  for (const [what, change] of [
    ["whose threads' modules aren't there", (body: Body) => JOBS.map((job) => rmSync(body(job)))],
    [
      "whose threads can't be loaded",
      (body: Body) => JOBS.map((job) => writeFileSync(body(job), 'throw new Error("no");')),
    ],
    [
      "whose hashing threads end at once",
      (body: Body) => {
        const text = readFileSync(body("hash"), "utf8");
        writeFileSync(body("hash"), text.replace("new ChunkRing", "process.exit(1); new ChunkRing"));
      },
    ],
  ] as const) {
    it(`${what} is done in one thread, with the same digests`, async (t) => {
      const house = await temporaryFolder(t);
      cpSync(path("../../../src"), join(house, "src"), { recursive: true });
      cpSync(path("../../../package.json"), join(house, "package.json"));
      symlinkSync(path("../../../node_modules"), join(house, "node_modules"));
      change((job) => join(house, `src/threads/${job}.ts`));
      const folder = await spec(t);
      assert.deepEqual(
        await digests([process.execPath, join(house, "src/bin.ts")], folder),
        await digests(sourceCommand, folder),
      );
    });
  }
});

describe("a build into a place that takes layers as they come", { concurrency: 2 }, () => {
  /** How many threads a build starts. */
  async function threads(folder: string): Promise<number> {
    const counting =
      'let n = 0; process.on("worker", () => n++).on("exit", () => console.log("threads: " + n));';
    const [node, ...args] = sourceCommand;
    const command = [
      node,
      "--import",
      `data:text/javascript,${encodeURIComponent(counting)}`,
      ...args,
    ] as const;
    const told = await mustRun(
      [...command, "build", "--no-cache", "--quiet", "spec.json", "-o", "oci:layout"],
      {
        cwd: folder,
      },
    );
    return Number(/threads: (\d+)/.exec(told)![1]);
  }

  it("starts no thread for a few small layers", async (t) => {
    const folder = await temporaryFolder(t);
    writeProject(join(folder, "project"));
    writeFileSync(join(folder, "spec.json"), '{"name": "image", "tag": "1", "graph": "project"}');
    assert.equal(await threads(folder), 0);
  });

  it("starts threads for a large one", async (t) => {
    // One that hashes, and as many that compress as there are cores.
    assert.ok((await threads(await spec(t))) >= 2);
  });
});

describe("measuring", { timeout: 300_000 }, () => {
  /** How many threads are started for layers of so many trees each. */
  async function threadsFor(t: TestContext, ...counts: number[]): Promise<number> {
    const folder = await temporaryFolder(t);
    // Enough for threads to be worth their start.
    writeTree(join(folder, "tree"), { file: 9_000_000 });
    const recipes = counts.map((count, layer) => ({
      items: Array.from({ length: count }, (_, at) => ({
        kind: "tree" as const,
        source: join(folder, "tree"),
        target: `/${layer}/${at}`,
      })),
      owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
      mtime: 1,
      modes: "portable" as const,
      components: [`${layer}`],
    }));
    let started = 0;
    const count = () => void started++;
    process.on("worker", count);
    for await (const _ of measureLayers(recipes));
    process.off("worker", count);
    return started;
  }

  it("leaves a core to who writes, unless one layer is most of the image", async (t) => {
    const cores = availableParallelism();
    // All but the first have another thread that hashes.
    const withHashing = (threads: number) => threads + Math.max(threads - 1, 0);
    assert.equal(await threadsFor(t, 1, 1, 1, 1, 1), withHashing(Math.min(Math.max(cores - 1, 1), 4)));
    assert.equal(await threadsFor(t, 1, 1, 1, 1, 5), withHashing(Math.min(cores, 4)));
  });

  it("fails when anything does while an answer is taken", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(join(folder, "tree"), { dir: { a: { file: "a" } } });
    const cache = {
      now: () => 0,
      layer() {
        throw new Error("the cache broke");
      },
    } as unknown as DigestCache;
    const recipe = {
      items: [{ kind: "tree", source: join(folder, "tree"), target: "/tree" }],
      owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
      mtime: 1,
      modes: "portable",
      components: ["tree"],
    } as const;
    await assert.rejects(measureLayers([recipe, recipe], { cache }).next(), /the cache broke/);
  });
});
