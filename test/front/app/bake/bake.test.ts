import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  type BakedImage,
  type BakeOptions,
  type BuiltImage,
  bake,
  build,
  thisMachine,
  workspaceTargets,
} from "#app";
import { type DigestCache, openDigestCache } from "#cache";
import type { VarveError } from "#errors";
import { FakeRegistry } from "#testing";
import { writeMonorepo } from "../../../support/monorepo.ts";
import { stacked, temporaryFolder } from "../../../support/tmp.ts";

/** A monorepo, a registry, and a machine whose cache counts what is put into it. */
async function world(t: TestContext, size: Parameters<typeof writeMonorepo>[1] = {}) {
  const scope = stacked(t);
  const folder = await temporaryFolder(scope);
  const root = join(folder, "mono");
  const monorepo = writeMonorepo(root, size);
  const registry = await new FakeRegistry().start();
  scope.after(() => registry.stop());
  const own = thisMachine({ cache: false });
  scope.after(async () => own[Symbol.asyncDispose]());
  // Files that were just written count as settled an hour later.
  const cache = openDigestCache({ folder: join(folder, "cache"), now: () => Date.now() + 3_600_000 });
  const put: string[] = [];
  const putLayer = cache.putLayer.bind(cache);
  Object.assign(cache, {
    putLayer: (...[key, layer]: Parameters<DigestCache["putLayer"]>) => {
      put.push(key);
      putLayer(key, layer);
    },
  });
  const machine = { ...own, cache, base: "scratch" };
  const to = [`docker://${registry.host}/{name}:{tag}`];
  const run = async (options: Partial<BakeOptions> = {}, names: readonly string[] = []) =>
    await bake(await workspaceTargets(root, { names }), { machine, to, check: false, ...options });
  return { folder, root, monorepo, registry, machine, put, run, to };
}

function digests(images: readonly BakedImage[]): string[] {
  return images.map(({ target, built, error }) => {
    if (built === undefined) throw error;
    return `${target} ${built.digest}`;
  });
}

describe("bake", () => {
  it("builds the packages of a workspace that have something to start", async (t) => {
    const { monorepo, registry, run } = await world(t);
    const images = await run();
    assert.deepEqual(
      images.map(({ target }) => target),
      monorepo.services,
    );
    digests(images);
    for (const service of monorepo.services) assert.ok(registry.manifests.has(`mono/${service}:1.0.0`));
  });

  it("measures nothing twice, and sends nothing twice", async (t) => {
    const { monorepo, registry, put, run } = await world(t, { services: 20, libraries: 5 });
    const images = await run();
    digests(images);
    assert.equal(images.length, monorepo.services.length);
    assert.equal(new Set(put).size, put.length, "each layer is measured once");
    const layers = images.flatMap(({ built }) => (built as BuiltImage).places[0]!.layers);
    const different = new Set(layers.map(({ digest }) => digest)).size;
    assert.ok(layers.length > different + 20, `${layers.length} layers, ${different} of which are different`);
    assert.equal(put.length, different);
    const sent = layers.filter(({ outcome }) => outcome === "written");
    assert.equal(new Set(sent.map(({ digest }) => digest)).size, sent.length, "each layer is sent once");
    assert.equal(sent.length, different);
    assert.equal(layers.filter(({ outcome }) => outcome === "mounted").length, layers.length - different);
    const asked = registry.requests.filter(
      ({ method, path }) => method === "HEAD" && path.includes("/blobs/"),
    );
    assert.ok(asked.length <= different + images.length, `${asked.length} questions`);
  });

  it("gives the same images without a cache, and one after the other", async (t) => {
    const { machine, run, folder } = await world(t, { services: 6 });
    const first = digests(await run());
    const { cache: _, ...without } = machine;
    assert.deepEqual(digests(await run({ machine: { ...without, temporary: folder }, parallel: 1 })), first);
  });

  it("keeps the layouts of all in one lock file, to which single builds keep, too", async (t) => {
    const { folder, root, machine, run, to } = await world(t, { services: 4 });
    const lockFile = join(folder, "layers.lock.json");
    await run({ lockFile }, ["svc-3"]);
    const images = await run({ lockFile });
    const lock = JSON.parse(readFileSync(lockFile, "utf8"));
    assert.deepEqual(Object.keys(lock.images), ["mono/svc-0", "mono/svc-1", "mono/svc-2", "mono/svc-3"]);
    assert.deepEqual(digests(await run({ lockFile })), digests(images));
    writeFileSync(join(root, "services/svc-2/varve.json"), JSON.stringify({ lockFile }));
    const alone = await build(join(root, "services/svc-2"), {
      machine,
      to: [to[0]!.replace("{name}:{tag}", "alone:1")],
      check: false,
    });
    assert.equal(alone.digest, images[2]!.built!.digest);
  });

  it("keeps to the lock files that specs name, several images to one of them", async (t) => {
    const { folder, root, run } = await world(t, { services: 4 });
    const own = (name: string, lockFile: string) =>
      writeFileSync(join(root, "services", name, "varve.json"), JSON.stringify({ lockFile }));
    const [both, one] = [join(folder, "both.lock.json"), join(folder, "one.lock.json")];
    for (const name of ["svc-0", "svc-1"]) own(name, both);
    own("svc-2", one);
    const first = digests(await run());
    assert.deepEqual(Object.keys(JSON.parse(readFileSync(both, "utf8")).images), [
      "mono/svc-0",
      "mono/svc-1",
    ]);
    assert.equal(JSON.parse(readFileSync(one, "utf8")).version, 1);
    assert.deepEqual(digests(await run()), first);
  });

  it("goes on with the others when one fails", async (t) => {
    const { root, registry, run } = await world(t, { services: 4 });
    rmSync(join(root, "services/svc-1/index.js"));
    registry.quirk = (_request, response, { method, path }) => {
      if (!path.startsWith("/v2/mono/svc-2/manifests/") || method !== "PUT") return false;
      response.writeHead(403).end();
      return true;
    };
    const images = await run();
    const failed = images.filter(({ built }) => built === undefined);
    assert.deepEqual(
      failed.map(({ target, error }) => [target, (error as VarveError).code]),
      [
        ["svc-1", "INVALID_SPEC"],
        ["svc-2", "UNAUTHORIZED"],
      ],
    );
    assert.ok(registry.manifests.has("mono/svc-0:1.0.0"));
    assert.ok(registry.manifests.has("mono/svc-3:1.0.0"));
  });

  it("lets another image make what one that failed was about to make", async (t) => {
    const { registry, run } = await world(t, { services: 4 });
    let isFirst = true;
    registry.quirk = (_request, response, { method, path }) => {
      if (!path.startsWith("/v2/mono/svc-1/blobs/uploads/") || method !== "POST" || !isFirst) return false;
      isFirst = false;
      response.writeHead(403).end();
      return true;
    };
    const images = await run();
    assert.deepEqual(
      images.filter(({ built }) => built === undefined).map(({ target }) => target),
      ["svc-1"],
    );
  });

  it("keeps images out of each other that are written into the workspace", async (t) => {
    const { root, run } = await world(t);
    const elsewhere = digests(await run());
    const to = [`oci:${join(root, "out/{target}")}`, `docker-archive:${join(root, "{target}.tar")}`];
    for (const when of ["first", "again"]) assert.deepEqual(digests(await run({ to })), elsewhere, when);
  });

  it("refuses to put two images at one place, before anything is built", async (t) => {
    const { registry, run } = await world(t);
    await assert.rejects(run({ to: [`docker://${registry.host}/app:{tag}`] }), {
      code: "USAGE",
      message:
        /^svc-0 and svc-1 would both be at docker:\/\/.*\/app:1\.0\.0; let \{name\} or \{target\} tell them apart$/,
    });
    await assert.rejects(run({ to: ["oci:out:{version}"] }), { code: "USAGE", message: /has \{version\}/ });
    await assert.rejects(run({ to: [] }), { code: "USAGE", message: /say where the images are to go/ });
    assert.equal(registry.manifests.size, 0);
  });

  it("writes no lock file of one image over, nor where two have one name", async (t) => {
    const { folder, run } = await world(t);
    const lockFile = join(folder, "one.lock.json");
    writeFileSync(lockFile, JSON.stringify({ version: 1, layers: [] }));
    await assert.rejects(run({ lockFile }), { code: "INVALID_LAYOUT" });
    assert.ok(existsSync(lockFile));
  });

  it("makes an index over an image for each platform", async (t) => {
    const { root, machine, to, registry } = await world(t);
    const targets = await workspaceTargets(root, {
      names: ["svc-0"],
      platforms: ["linux/amd64", "linux/arm64"],
    });
    const [image] = await bake(targets, { machine, to, check: false });
    digests([image!]);
    const { bytes } = registry.manifests.get("mono/svc-0:1.0.0")!;
    assert.equal(JSON.parse(bytes.toString()).manifests.length, 2);
  });

  it("ends when it is told to", async (t) => {
    const { run } = await world(t, { services: 6 });
    const controller = new AbortController();
    const ended = run({ signal: controller.signal, onDone: () => controller.abort() });
    await assert.rejects(ended, { code: "ABORTED" });
  });
});

describe("the targets of a workspace", () => {
  it("are found by the package's name, with and without its scope, and by its folder", async (t) => {
    const { root } = await world(t);
    for (const name of ["svc-1", "@mono/svc-1", "services/svc-1"]) {
      const targets = await workspaceTargets(root, { names: [name] });
      assert.deepEqual(
        targets.map((each) => each.name),
        ["svc-1"],
      );
    }
    await assert.rejects(workspaceTargets(root, { names: ["svc-x"] }), {
      code: "USAGE",
      message: /has no package with something to start that is called svc-x; did you mean svc-0\?/,
    });
    await assert.rejects(workspaceTargets(root, { names: ["lib-1"] }), { code: "USAGE" });
  });

  it("are the folder itself where there is no workspace, and none where nothing is to be started", async (t) => {
    const { root, folder } = await world(t);
    const [only] = await workspaceTargets(join(root, "services/svc-0"));
    assert.equal(only!.name, "svc-0");
    for (const name of ["svc-0", "svc-1", "svc-2"]) {
      writeFileSync(join(root, "services", name, "package.json"), JSON.stringify({ name }));
    }
    await assert.rejects(workspaceTargets(root), {
      code: "USAGE",
      message: /^none of the 6 packages of .* has anything to start; give one a start script/,
    });
    await assert.rejects(workspaceTargets(folder), { code: "USAGE", message: /has neither package\.json/ });
  });
});
