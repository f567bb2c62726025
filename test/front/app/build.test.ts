import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { build, compare, copy, exportRoot, inspect, plan, thisMachine, validate } from "#app";
import type { DigestCache } from "#cache";
import { fileOutput, ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import { parseDigest } from "#oci";
import { FakeRegistry, madeImage } from "#testing";
import { writeImage } from "#write";
import { writeProject } from "../../support/npm-project.ts";
import { temporaryFolder } from "../../support/tmp.ts";

/** A project on a base image, and a machine without a cache of the user's. */
async function world(t: TestContext) {
  const folder = await temporaryFolder(t);
  writeProject(join(folder, "project"));
  const base = await madeImage([{ components: [], entries: { "/sh": { content: "sh" } } }]);
  await writeImage(draftOf(base), [ociLayoutSink({ path: join(folder, "base"), tag: "1" })]);
  const machine = thisMachine({ cache: join(folder, "cache") });
  t.after(() => machine[Symbol.asyncDispose]());
  const spec = {
    name: "app",
    tag: "1",
    graph: join(folder, "project"),
    fromImage: `oci:${join(folder, "base")}:1`,
  };
  return { folder, machine, spec, base };
}

describe("build", () => {
  it("opens the base that a spec names, writes to all places, and tells what is at each", async (t) => {
    const { folder, machine, spec, base } = await world(t);
    const to = [join(folder, "app.tar"), `oci:${join(folder, "layout")}:1`];
    const done = new Set<string>();
    const image = await build(spec, {
      machine,
      to,
      onProgress: ({ destination, outcome }) => {
        if (outcome !== undefined) done.add(destination);
      },
    });
    assert.deepEqual(
      image.places.map(({ destination }) => destination),
      [`docker-archive:${to[0]}`, to[1]!],
    );
    assert.deepEqual([...done].sort(), image.places.map(({ destination }) => destination).sort());
    const { description } = await inspect(to[1]!, { machine });
    assert.equal(description.digest, image.places[1]!.digest);
    assert.equal(description.layers[0]!.diffId, base.layers[0]!.diffId);
    assert.equal((await validate(to[0]!, { machine })).layers.length, image.places[0]!.layers.length);
  });

  it("asks a registry what it has there before anything else, and only once", async (t) => {
    const { machine, spec } = await world(t);
    const registry = new FakeRegistry();
    await registry.start();
    t.after(() => registry.stop());
    const place = (name: string) => `docker://${registry.host}/${name}:1`;
    await copy(spec.fromImage, [place("base")], { machine });
    registry.requests.length = 0;
    await build({ ...spec, fromImage: place("base") }, { machine, to: [place("app")] });
    const asked = registry.log.filter((line) => line.startsWith("GET /v2/") && line.includes("/manifests/"));
    assert.deepEqual(asked, ["GET /v2/app/manifests/1", "GET /v2/base/manifests/1"]);
  });

  it("says what each layer has: the base's, dependencies, the project", async (t) => {
    const { folder, machine, spec } = await world(t);
    const config = { ExposedPorts: { "8080/tcp": {}, "53/udp": {} } };
    const to = [`oci:${join(folder, "layout")}:1`];
    const image = await build({ ...spec, config }, { machine, to });
    assert.deepEqual(image.contents.map(({ kind, names }) => [kind, names]).sort(), [
      ["app", ["project@0.1.0"]],
      ["base", []],
      ["dependencies", ["base@1.0.0", "dep@2.0.0"]],
    ]);
    const [place] = image.places;
    assert.deepEqual(
      image.contents.map(({ kind }, index) => kind === "app" && place!.layers[index]!.components),
      place!.layers.map(({ components }) => components.includes(".") && ["."]),
    );
    assert.deepEqual(image.ports, ["53/udp", "8080/tcp"]);
    assert.equal(image.base, `oci:${join(folder, "base")}:1`);
    // Where all is in one layer, it is the app's; and a base that has components of its own stays the base.
    const { contents, base } = await build(
      { ...spec, layered: false, fromImage: to[0]! },
      { machine, to: [join(folder, "one.tar")] },
    );
    assert.deepEqual(
      contents.map(({ kind, names }) => `${kind} ${names.length}`),
      [...Array(3).fill("base 0"), "app 3"],
    );
    assert.equal(base, to[0]);
  });

  it("finds everything present the second time", async (t) => {
    const { folder, machine, spec } = await world(t);
    const to = [`oci:${join(folder, "layout")}:1`];
    await build(spec, { machine, to });
    const { places } = await build(spec, { machine, to });
    assert.deepEqual([...new Set(places[0]!.layers.map(({ outcome }) => outcome))], ["present"]);
  });

  it("keeps an image out of itself, and writes the lock file", async (t) => {
    const { folder, machine, spec } = await world(t);
    const to = [join(folder, "project/app.tar")];
    const lockFile = join(folder, "project/layers.lock.json");
    const first = await build({ ...spec, lockFile }, { machine, to });
    assert.ok(JSON.parse(readFileSync(lockFile, "utf8")).layers.length > 0);
    const again = await build({ ...spec, lockFile }, { machine, to });
    assert.equal(again.digest, first.digest);
  });

  it("keeps an image out of itself in folders that aren't there yet, and gives the same one when they are", async (t) => {
    const { folder, machine, spec } = await world(t);
    const deep = (name: string) => `oci:${join(folder, "project/out/images", name)}`;
    const elsewhere = await build(spec, { machine, to: [`oci:${join(folder, "elsewhere")}`] });
    for (const when of ["first", "again"]) {
      const { digest } = await build(spec, { machine, to: [deep("a"), deep("b")] });
      assert.equal(digest, elsewhere.digest, when);
    }
  });

  it("forgets a digest of the cache that was wrong, and builds the right image", async (t) => {
    const { folder, machine, spec } = await world(t);
    const to = [`oci:${join(folder, "right")}:1`];
    const { digest } = await build(spec, { machine: { ...machine, cache: undefined }, to });
    const wrong = parseDigest(`sha256:${"0".repeat(64)}`, "the test");
    let isTrusted = true;
    /** The cache, of which every layer is wrong until it is distrusted. */
    const cache = new Proxy(machine.cache!, {
      get(target, name: keyof DigestCache) {
        if (name === "layer" && isTrusted) return () => ({ diffId: wrong, size: 10240, portable: false });
        if (name === "distrustLayers") isTrusted = false;
        const member = target[name];
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const notes: string[] = [];
    const image = await build(spec, {
      machine: { ...machine, cache },
      to: [join(folder, "app.tar")],
      onNote: (note) => notes.push(note),
    });
    assert.deepEqual(notes, ["a digest in the cache was wrong, and has been forgotten; building again"]);
    assert.equal(
      (await inspect(join(folder, "app.tar"), { machine })).description.config,
      image.places[0]!.config,
    );
    assert.equal((await inspect(to[0]!, { machine })).description.digest, digest);
    assert.equal((await inspect(to[0]!, { machine })).description.config, image.places[0]!.config);
  });

  it("takes a spec's paths relative to the working directory, and a spec's file relative to itself", async (t) => {
    const { folder, machine } = await world(t);
    writeFileSync(join(folder, "image.json"), '{"name": "app", "tag": "1", "graph": "project"}');
    const fromFile = await build(join(folder, "image.json"), { machine, to: [join(folder, "a.tar")] });
    const before = process.cwd();
    process.chdir(folder);
    try {
      const given = await build({ name: "app", tag: "1", graph: "project" }, { machine, to: ["b.tar"] });
      assert.equal(given.digest, fromFile.digest);
    } finally {
      process.chdir(before);
    }
  });

  it("is refused without a place, and with a spec that isn't one", async (t) => {
    const { machine, spec } = await world(t);
    await assert.rejects(build(spec, { machine, to: [] }), { code: "USAGE" });
    await assert.rejects(build({ ...spec, grahp: "." } as never, { machine, to: ["x.tar"] }), {
      code: "INVALID_SPEC",
    });
    assert.equal(existsSync("x.tar"), false);
  });
});

describe("what else programs ask for", () => {
  it("plans, compares, copies and exports as the commands do", async (t) => {
    const { folder, machine, spec } = await world(t);
    const image = join(folder, "app.tar");
    await build(spec, { machine, to: [image] });
    const { report, html } = await plan(spec, { machine });
    assert.equal(report.image, "app:1");
    assert.match(html(), /^<!doctype html>/);
    const same = await compare(image, spec, { machine });
    assert.ok(same.layers.every(({ state }) => state === "same"));
    const [copied] = await copy(image, `oci:${join(folder, "copy")}:1`, { machine });
    assert.equal(copied!.config, same.target.config.digest);
    await exportRoot(image, fileOutput(join(folder, "root.tar")), { machine });
    assert.ok(readFileSync(join(folder, "root.tar")).includes("sh"));
  });
});
