import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { createIndex, inspect, plan, thisMachine } from "#app";
import { openDigestCache } from "#cache";
import { draftOf } from "#image";
import { digestOf, MediaType } from "#oci";
import { FakeRegistry, madeImage } from "#testing";
import { writeImage } from "#write";
import { temporaryFolder } from "../../support/tmp.ts";

/** A registry with a base in an index, as official images are, and who plans images on it, each time in another process. */
async function world(t: TestContext) {
  const folder = await temporaryFolder(t);
  const registry = await new FakeRegistry().start();
  t.after(() => registry.stop());
  const machineWith = (cache: string | false) => {
    const machine = thisMachine({ cache });
    t.after(() => machine[Symbol.asyncDispose]());
    return machine;
  };
  const [image, base] = ["amd64", "base"].map((tag) => `docker://${registry.host}/node:${tag}`);
  const maker = machineWith(false);
  await writeImage(draftOf(await madeImage([{ entries: { "etc/name": "node" } }])), [
    await maker.transports.sink(image!),
  ]);
  await createIndex(base!, [image!], { machine: maker });
  /** The documents that the registry is asked for meanwhile. */
  const asked = async (work: () => Promise<unknown>) => {
    registry.requests.length = 0;
    await work();
    const paths = registry.requests.map(({ path }) => path).filter((path) => /manifests|blobs/.test(path));
    return paths.map((path) => path.slice("/v2/node/".length));
  };
  return {
    registry,
    cache: `${folder}/cache`,
    inspecting: (cache: string | false) => asked(async () => inspect(base!, { machine: machineWith(cache) })),
    planning: (cache: string | false) =>
      asked(async () => {
        const { report } = await plan({ name: "app", fromImage: base! }, { machine: machineWith(cache) });
        assert.equal(report.budget.base, 1);
      }),
  };
}

describe("a base in a registry that an earlier build was on", () => {
  it("is asked for what its tag names, and nothing more while that is the same", async (t) => {
    const { cache, planning } = await world(t);
    const first = await planning(cache);
    assert.deepEqual(
      first.map((path) => path.replace(/:.*/, "")),
      ["manifests/base", "manifests/sha256", "blobs/sha256"],
    );
    assert.deepEqual(await planning(cache), ["manifests/base"]);
  });

  it("is read whole where the cache has other bytes than were asked for", async (t) => {
    const { cache, planning } = await world(t);
    const first = await planning(cache);
    const known = openDigestCache({ folder: cache, now: Date.now });
    for (const path of first.slice(1)) {
      const parts = ["document", path.slice(path.indexOf("/") + 1)];
      known.putFacts(parts, Buffer.alloc(known.facts(parts)!.length));
    }
    assert.deepEqual(await planning(cache), first);
    assert.deepEqual(await planning(cache), ["manifests/base"]);
  });

  it("is asked for its manifest each time where the registry says another type of it than the index", async (t) => {
    const { registry, cache, planning } = await world(t);
    const { mediaType: _, ...manifest } = JSON.parse(registry.manifests.get("node:amd64")!.bytes.toString());
    const index = JSON.parse(registry.manifests.get("node:base")!.bytes.toString());
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(bytes);
    Object.assign(index.manifests[0], { mediaType: MediaType.dockerManifest, digest, size: bytes.length });
    registry.manifests.set(`node:${digest}`, { bytes, mediaType: MediaType.ociManifest });
    registry.manifests.set("node:base", {
      bytes: Buffer.from(JSON.stringify(index)),
      mediaType: MediaType.ociIndex,
    });
    const first = await planning(cache);
    assert.deepEqual(await planning(cache), first.slice(0, 2));
  });

  it("is read whole by whoever asks what the registry has", async (t) => {
    const { cache, planning, inspecting } = await world(t);
    const first = await planning(cache);
    assert.deepEqual(await inspecting(cache), first);
  });
});
