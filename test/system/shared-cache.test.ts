import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseReference, type Reference } from "#oci";
import { pullSharedCache, pushSharedCache, Transports } from "#transports";
import { blobKeyOf, blobOf, keyOf, layerOf, openAt } from "../layers/cache/support/samples.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { startRegistry } from "./support/registry.ts";

const WRITERS = 50;
const LAYERS = 100;

describe("a cache shared through a real registry", { skip: requires("registry") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let reference: Reference;
  let transports: Transports;

  before(async () => {
    folder = await temporaryFolder(scope);
    const registry = await startRegistry(scope);
    reference = parseReference(`${registry.host}/team/cache:main`);
    transports = new Transports({ env: {}, home: folder });
    scope.after(() => transports[Symbol.asyncDispose]());
  });

  it("loses none of the ten thousand entries of fifty writers that push at the same time", async () => {
    const client = await transports.client(reference.registry);
    const warnings: string[] = [];
    const onNote = (sentence: string) => warnings.push(sentence);
    await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        const cache = openAt(join(folder, String(writer)));
        for (let number = writer * LAYERS; number < (writer + 1) * LAYERS; number++) {
          cache.putLayer(keyOf(number), layerOf(number));
          cache.putBlob(blobKeyOf(number), blobOf(number));
        }
        assert.deepEqual(await pushSharedCache(client, { reference, cache, onNote }), { added: 2 * LAYERS });
      }),
    );
    const cache = openAt(join(folder, "reader"));
    assert.equal(await pullSharedCache(client, { reference, cache, onNote }), true);
    const numbers = Array.from({ length: WRITERS * LAYERS }, (_, number) => number);
    await cache.askFor(numbers.map(keyOf));
    for (const number of numbers) {
      assert.deepEqual(cache.layer(keyOf(number)), { ...layerOf(number), claimed: true });
      assert.deepEqual(cache.claimedBlob(blobKeyOf(number)), blobOf(number));
    }
    const again = openAt(join(folder, "7"));
    for (let number = 700; number < 800; number++) again.layer(keyOf(number));
    assert.deepEqual(await pushSharedCache(client, { reference, cache: again, onNote }), { added: 0 });
    assert.deepEqual(warnings, []);
  });
});
