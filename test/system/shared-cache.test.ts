import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseReference, type Reference } from "#oci";
import { pullCacheIndex, pushCacheIndex, Transports } from "#transports";
import { keyOf, layerOf, openAt } from "../layers/cache/support/samples.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { startRegistry } from "./support/registry.ts";

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

  it("loses nothing of writers that push at the same time", async () => {
    const client = await transports.client(reference.registry);
    const warnings: string[] = [];
    const onNote = (sentence: string) => warnings.push(sentence);
    await Promise.all(
      Array.from({ length: 4 }, async (_, number) => {
        const cache = openAt(join(folder, String(number)));
        cache.putLayer(keyOf(number), layerOf(number));
        await pushCacheIndex(client, { reference, cache, onNote });
      }),
    );
    const cache = openAt(join(folder, "reader"));
    const pulled = await pullCacheIndex(client, { reference, cache, onNote });
    assert.deepEqual(pulled, { found: true, added: 4, known: 0 });
    assert.deepEqual(warnings, []);
    for (let number = 0; number < 4; number++)
      assert.deepEqual(cache.layer(keyOf(number)), { ...layerOf(number), claimed: true });
    const again = await pushCacheIndex(client, { reference, cache, onNote });
    assert.deepEqual([again.entries, again.added], [4, 0]);
  });
});
