import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { openDigestCache } from "#cache";
import type { LayerRecipe } from "#fs";
import { isUnmeasured, type Layer, type UnmeasuredLayer } from "#image";
import { digestOf } from "#oci";
import { CHUNK_SIZE } from "#util";
import { measureLayers, unmeasuredLayers } from "../../../src/layers/measure/measure.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

const NAR_HASH = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

function recipeOf(source: string, narHash?: string): LayerRecipe {
  return {
    items: [{ kind: "tree", source, target: "/tree", ...(narHash === undefined ? {} : { narHash }) }],
    owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
    mtime: 1,
    modes: "portable",
    components: [source],
  };
}

/** Trees of several sizes: more than a ring of chunks has room for, and next to nothing. */
async function trees(t: TestContext): Promise<{ folder: string; recipes: LayerRecipe[] }> {
  const folder = await temporaryFolder(t);
  const large = "x".repeat(6 * CHUNK_SIZE + 1);
  writeTree(join(folder, "large"), { dir: { a: { file: large }, b: { file: "b" } } });
  writeTree(join(folder, "small"), { dir: { a: { file: "a" } } });
  writeTree(join(folder, "none"), { dir: {} });
  return { folder, recipes: ["large", "small", "none"].map((name) => recipeOf(join(folder, name))) };
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const gathered: T[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}

async function read(layer: Layer | UnmeasuredLayer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe("layers that are measured by who reads them", () => {
  it("are what measuring makes of them, also when several are read at the same time", async (t) => {
    const { recipes } = await trees(t);
    const known = await gather(measureLayers(recipes));
    const layers = await gather(unmeasuredLayers([...recipes, ...recipes]));
    const bytes = await Promise.all(layers.map(read));
    for (const [index, layer] of layers.entries()) {
      assert.ok(isUnmeasured(layer));
      const expected = known[index % known.length]!;
      assert.equal(digestOf(bytes[index]!), expected.diffId);
      const { descriptor, diffId, components } = layer.measured();
      assert.deepEqual(
        { descriptor, diffId, components },
        { descriptor: expected.descriptor, diffId: expected.diffId, components: expected.components },
      );
    }
  });

  it("aren't known before they have been read to their end", async (t) => {
    const [layer] = await gather(unmeasuredLayers((await trees(t)).recipes));
    assert.ok(layer !== undefined && isUnmeasured(layer));
    for await (const _ of layer.open()) break;
    assert.throws(() => layer.measured(), /hasn't been read/);
    assert.equal(digestOf(await read(layer)), layer.measured().diffId);
  });

  it("are known to the cache once they have been read, and come out of it", async (t) => {
    const { folder } = await trees(t);
    const recipe = recipeOf(join(folder, "small"), NAR_HASH);
    const cache = openDigestCache({ folder: join(folder, "cache"), now: Date.now });
    const [first] = await gather(unmeasuredLayers([recipe], { cache }));
    assert.ok(first !== undefined && isUnmeasured(first));
    await read(first);
    const [second] = await gather(unmeasuredLayers([recipe], { cache }));
    assert.ok(second !== undefined && !isUnmeasured(second));
    assert.equal(second.diffId, first.measured().diffId);
    assert.equal(digestOf(await read(second)), second.diffId);
  });

  it("fail if a file is written to while they are read", async (t) => {
    const { folder, recipes } = await trees(t);
    const [layer] = await gather(unmeasuredLayers(recipes));
    const reading = async () => {
      // The first chunk is all from one file; the other changes before its turn comes.
      for await (const _ of layer!.open()) writeFileSync(join(folder, "large/b"), "B");
    };
    await assert.rejects(reading(), {
      name: "VarveError",
      code: "CHANGED_WHILE_READING",
      message: /large\/b/,
    });
  });

  it("fail if they are others when they are read again", async (t) => {
    const { folder } = await trees(t);
    // What has a hash is taken at its word: nothing is listed again.
    const [layer] = await gather(unmeasuredLayers([recipeOf(join(folder, "small"), NAR_HASH)]));
    await read(layer!);
    writeFileSync(join(folder, "small/a"), "b");
    await assert.rejects(read(layer!), { name: "VarveError", code: "CHANGED_WHILE_READING" });
  });

  it("stop with ABORTED", async (t) => {
    const { recipes } = await trees(t);
    const controller = new AbortController();
    const layers = unmeasuredLayers(recipes, { signal: controller.signal });
    const { value: layer } = await layers.next();
    const reading = async () => {
      for await (const _ of (layer as UnmeasuredLayer).open(controller.signal)) controller.abort();
    };
    await assert.rejects(reading(), { name: "VarveError", code: "ABORTED" });
    await assert.rejects(layers.next(), { name: "VarveError", code: "ABORTED" });
  });
});
