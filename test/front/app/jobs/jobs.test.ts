import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  assemble,
  build,
  type Machine,
  openSource,
  type PlanJobsOptions,
  planJobs,
  type RunJobOptions,
  runJob,
  thisMachine,
} from "#app";
import { ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import { jobText } from "#jobs";
import { FakeRegistry, madeImage } from "#testing";
import { writeImage } from "#write";
import { writeProject } from "../../../support/npm-project.ts";
import { requires } from "../../../support/systems.ts";
import { stacked, temporaryFolder } from "../../../support/tmp.ts";
import { writeTree } from "../../../support/tree.ts";

type Spec = Readonly<Record<string, unknown>>;

/** A spec with its files, on a base, and a registry. */
async function world(t: TestContext, fields: Spec = {}) {
  const scope = stacked(t);
  const folder = await temporaryFolder(scope);
  const here = join(folder, "here");
  mkdirSync(here);
  writeProject(join(here, "project"));
  const base = await madeImage([{ components: [], entries: { "/sh": { content: "sh" } } }]);
  await writeImage(draftOf(base), [ociLayoutSink({ path: join(folder, "base"), tag: "1" })]);
  const spec = { name: "app", tag: "1", graph: "project", fromImage: `oci:${folder}/base:1`, ...fields };
  writeFileSync(join(here, "spec.json"), JSON.stringify(spec));
  const registry = await new FakeRegistry().start();
  scope.after(() => registry.stop());
  let count = 0;
  /** Another machine: all that it shares with others is the registry. */
  const machine = () => {
    const own = thisMachine({ cache: join(folder, `cache-${count++}`) });
    scope.after(async () => own[Symbol.asyncDispose]());
    return own;
  };
  const repository = `${registry.host}/app`;
  const jobs = join(folder, "jobs");
  const plan = async (options: Partial<PlanJobsOptions> = {}, on: Machine = machine()) => {
    const path = join(here, "spec.json");
    const source = await openSource(path, { machine: on });
    const from = { path, fields: {} };
    return await planJobs(source, { machine: on, folder: jobs, root: here, from, ...options });
  };
  const run = async (job: string, options: RunJobOptions = {}) =>
    await runJob(job, { machine: machine(), push: repository, root: here, ...options });
  const runAll = async (options: RunJobOptions = {}) => {
    const { layers } = await plan();
    for (const job of layers) await run(job, options);
    return layers;
  };
  const put = async (tag = "1", on: Machine = machine()) => {
    const to = [`docker://${repository}:${tag}`];
    const [written] = await assemble(jobs, { machine: on, to, from: [repository] });
    return written!.digest;
  };
  const built = async () => {
    const on = machine();
    const to = [`docker://${registry.host}/built:1`];
    return (await build(join(here, "spec.json"), { machine: on, to, check: false })).digest;
  };
  return { folder, here, jobs, registry, repository, machine, plan, run, runAll, put, built };
}

/** The same files elsewhere, written at another time. */
function copied(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  for (const name of readdirSync(to, { recursive: true, encoding: "utf8" }))
    utimesSync(join(to, name), 1, 1_000_000_000);
}

describe("jobs", () => {
  it("make the image that one build makes, layer by layer on machines that share a registry", async (t) => {
    const { folder, here, plan, run, put, built } = await world(t);
    const { layers } = await plan();
    assert.ok(layers.length > 1);
    // Each machine has its own copy of the files, and starts with the last job.
    for (const [at, job] of layers.toReversed().entries()) {
      const root = join(folder, `machine-${at}`);
      copied(here, root);
      await run(job, { root });
      rmSync(root, { recursive: true });
    }
    assert.equal(await put(), await built());
  });

  for (const [what, fields] of Object.entries({
    "of a spec with files in the root": { copyToRoot: ["extra"], fakeNss: true, user: "nobody" },
    "in one layer": { layered: false },
    "without a base": { fromImage: undefined },
    "with permissions": { permissions: [{ path: "/app/**/*.js", mode: "0600", uid: 5 }] },
    "that exclude packages": { exclude: ["node_modules/base"] },
  })) {
    it(`make an image ${what}`, async (t) => {
      const { here, put, built, runAll } = await world(t, fields);
      writeTree(join(here, "extra"), { dir: { etc: { dir: { motd: { file: "hello" } } } } });
      await runAll();
      assert.equal(await put(), await built());
    });
  }

  it("make an image of a graph of store paths, and one in zstd", async (t) => {
    const names = ["a-1", "b-1", "c-1"];
    const { here, plan, run, put, built } = await world(t, { graph: "graph.json", maxLayers: 3 });
    const graph = names.map((name) => ({ path: `${here}/${name}`, references: [] }));
    for (const name of names) writeTree(`${here}/${name}`, { dir: { data: { file: 10_000 } } });
    writeFileSync(join(here, "graph.json"), JSON.stringify(graph));
    const { layers } = await plan();
    for (const job of layers) await run(job);
    assert.equal(await put(), await built());
    const { layers: others } = await plan({ compression: { algorithm: "zstd", level: 5 } });
    for (const job of others) {
      const { result, wasThere } = await run(job);
      assert.ok(!wasThere);
      assert.match(result.descriptor.mediaType, /zstd$/);
    }
    await put("zstd");
  });

  it("take store paths with hashes for what they are", async (t) => {
    const { here, plan, run, put, built } = await world(t, { graph: "graph.json", maxLayers: 4 });
    const paths = ["a", "b"].map((name) => `${here}/${name.repeat(32)}-${name}`);
    for (const path of paths) writeTree(path, { dir: { data: { file: 10_000 } } });
    const narHash = (at: number) => `sha256:${String(at).repeat(52)}`;
    const graph = paths.map((path, at) => ({
      path,
      references: [],
      narHash: narHash(at + 1),
      narSize: 10_000,
    }));
    writeFileSync(join(here, "graph.json"), JSON.stringify(graph));
    const { layers } = await plan();
    const { recipe } = JSON.parse(readFileSync(layers[0]!, "utf8"));
    const [tree] = recipe.items.filter((item: object) => "tree" in item);
    assert.deepEqual(Object.keys(tree), ["tree", "at", "narHash"]);
    for (const job of layers) await run(job);
    assert.equal(await put(), await built());
  });

  it("have a layer of their own for scripts", { skip: requires("root", "busybox") }, async (t) => {
    const fields = { extraCommands: "echo hello > greeting", fakeRootCommands: "chown 7 greeting" };
    const { here, plan, run, put, built } = await world(t, fields);
    const { layers } = await plan();
    const kinds = layers.map((path) => JSON.parse(readFileSync(path, "utf8")).kind);
    assert.equal(kinds.filter((kind) => kind === "scripts").length, 1);
    for (const job of layers) await run(job);
    assert.equal(await put(), await built());
    const scripts = layers[kinds.indexOf("scripts")]!;
    assert.ok((await run(scripts)).wasThere);
    const spec = JSON.parse(readFileSync(join(here, "spec.json"), "utf8"));
    writeFileSync(
      join(here, "spec.json"),
      JSON.stringify({ ...spec, extraCommands: "echo other > greeting" }),
    );
    await assert.rejects(run(scripts, { push: `${layers.length}.example/none` }), /./);
    await assert.rejects(run(scripts, { push: undefined }), {
      code: "JOB_DIFFERS",
      message: /the scripts of/,
    });
  });

  it("find what was done before, and pack nothing", async (t) => {
    const { here, registry, plan, run } = await world(t);
    const { layers } = await plan();
    const first = await run(layers[0]!);
    assert.ok(!first.wasThere);
    registry.requests.length = 0;
    // Not even the files are needed.
    const again = await run(layers[0]!, { root: join(here, "nowhere") });
    assert.deepEqual(again, { result: first.result, wasThere: true });
    assert.ok(registry.requests.every(({ method }) => method === "GET" || method === "HEAD"));
    // A blob that is gone is made again.
    registry.blobs.delete(`app@${first.result.descriptor.digest}`);
    assert.deepEqual(await run(layers[0]!), first);
    assert.deepEqual((await run(layers[0]!)).result, first.result);
  });

  it("are the same whoever plans them", async (t) => {
    const { folder, here, machine, plan } = await world(t);
    const { layers, image } = await plan();
    const texts = [...layers, image].map((path) => readFileSync(path, "utf8"));
    const there = join(folder, "there");
    copied(here, there);
    const on = machine();
    const path = join(there, "spec.json");
    const again = await planJobs(await openSource(path, { machine: on }), {
      ...{ machine: on, folder: join(folder, "others"), root: there, from: { path, fields: {} } },
    });
    assert.deepEqual(
      [...again.layers, again.image].map((each) => readFileSync(each, "utf8")),
      texts,
    );
  });

  for (const [what, change, wording] of [
    [
      "is another one",
      (folder: string) => writeFileSync(`${folder}/index.js`, "other"),
      /project\/index\.js isn't as it was when the layer was planned/,
    ],
    [
      "is gone",
      (folder: string) => rmSync(`${folder}/index.js`),
      /project\/index\.js was there when the layer was planned, and isn't here/,
    ],
    [
      "is new",
      (folder: string) => writeFileSync(`${folder}/new.js`, "new"),
      /project\/new\.js wasn't there when the layer was planned/,
    ],
  ] as const) {
    it(`fail with the name of a file that ${what}`, async (t) => {
      const { here, registry, plan, run } = await world(t);
      const { layers } = await plan();
      change(join(here, "project"));
      await assert.rejects(run(layers.at(-1)!), { code: "JOB_DIFFERS", message: wording });
      assert.equal(registry.manifests.size, 0);
      // Other layers don't mind.
      await run(layers[0]!);
    });
  }

  it("that are missing are named, and nothing is put together", async (t) => {
    const { jobs, registry, plan, run, put, built, repository } = await world(t);
    const { layers } = await plan();
    await run(layers[0]!);
    const missing = layers.slice(1).join(", ");
    await assert.rejects(put(), {
      code: "JOB_MISSING",
      message: `${layers.length - 1} of ${layers.length} layers aren't made yet: ${missing}; run varve layer JOB --push ${repository} for each`,
    });
    assert.ok(!registry.manifests.has("app:1"));
    for (const job of layers.slice(1)) {
      const { result } = await run(job, { push: `${registry.host}/elsewhere` });
      writeFileSync(job.replace(/\.json$/, ".done.json"), jobText(result));
    }
    // What is beside a job counts, wherever the blob is.
    assert.equal(await put(), await built());
    assert.ok(existsSync(join(jobs, "layer-02.done.json")));
    const lost = JSON.parse(readFileSync(join(jobs, "layer-02.done.json"), "utf8")).descriptor.digest;
    for (const name of ["app", "elsewhere"]) registry.blobs.delete(`${name}@${lost}`);
    registry.manifests.delete("app:1");
    await assert.rejects(put(), { code: "JOB_MISSING", message: /doesn't have the layer .* any more/ });
    assert.ok(!registry.manifests.has("app:1"));
  });

  it("of another plan don't count, nor do those that were changed", async (t) => {
    const { here, jobs, plan, run, put } = await world(t);
    const { layers } = await plan();
    for (const job of layers) {
      const { result } = await run(job);
      writeFileSync(job.replace(/\.json$/, ".done.json"), jobText(result));
    }
    writeFileSync(join(here, "project/index.js"), "changed");
    await plan();
    await assert.rejects(put(), { code: "JOB_MISSING", message: /^1 of / });
    const job = JSON.parse(readFileSync(layers[0]!, "utf8"));
    job.recipe.mtime = 5;
    writeFileSync(layers[0]!, JSON.stringify(job));
    await assert.rejects(run(layers[0]!), { code: "INVALID_JOB", message: /layer-01\.json was changed/ });
    writeFileSync(join(jobs, "image.json"), "{}");
    await assert.rejects(put(), { code: "INVALID_JOB" });
  });

  it("send no file whose content they don't know, wherever it is", async (t) => {
    const { folder, registry, plan, run } = await world(t);
    writeTree(join(folder, "private"), { dir: { key: { file: "secret" } } });
    const { layers } = await plan();
    const { jobKey } = await import("#jobs");
    for (const known of [{}, { narHash: "sha256:x" }, { content: `sha256:${"0".repeat(64)}` }]) {
      const job = JSON.parse(readFileSync(layers[0]!, "utf8"));
      job.recipe.items = [{ tree: join(folder, "private"), at: "/private", ...known }];
      writeFileSync(layers[0]!, JSON.stringify({ ...job, key: jobKey(job) }));
      const code = "content" in known ? "JOB_DIFFERS" : "INVALID_JOB";
      await assert.rejects(run(layers[0]!), { code, message: /private/ });
    }
    assert.equal(registry.blobs.size, 0);
  });

  it("tell what a layer is without sending it, and leave no job of an earlier plan", async (t) => {
    const { jobs, registry, plan, run } = await world(t);
    const { layers } = await plan();
    const { result } = await run(layers[0]!, { push: undefined });
    assert.equal(registry.requests.length, 0);
    assert.deepEqual(
      { ...(await run(layers[0]!)).result, repository: undefined },
      { ...result, repository: undefined },
    );
    writeFileSync(join(jobs, "layer-99.json"), "{}");
    writeFileSync(join(jobs, "notes.txt"), "mine");
    await plan();
    assert.ok(!existsSync(join(jobs, "layer-99.json")));
    assert.ok(existsSync(join(jobs, "notes.txt")));
  });

  it("refuse a compressor that makes other bytes", async (t) => {
    const { plan, run } = await world(t);
    const { layers } = await plan();
    const { jobKey } = await import("#jobs");
    const job = JSON.parse(readFileSync(layers[0]!, "utf8"));
    job.result.compression.library = "zlib 0.1";
    writeFileSync(layers[0]!, JSON.stringify({ ...job, key: jobKey(job) }));
    await assert.rejects(run(layers[0]!), { code: "JOB_DIFFERS", message: /planned with zlib 0\.1/ });
  });
});
