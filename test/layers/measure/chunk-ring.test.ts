import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { CHUNK_SIZE, startThread } from "#util";
import { ChunkRing, newRingMemory } from "../../../src/layers/measure/chunk-ring.ts";
import { chunkOf, type WantedLayer } from "./support/ring-sender.ts";

/** Two threads with a ring between them, which end with the test; what they make of layers. */
function twoThreads(t: TestContext): (layers: readonly WantedLayer[]) => Promise<(string | undefined)[]> {
  const ring = newRingMemory();
  const sender = new Worker(new URL("support/ring-sender.ts", import.meta.url), { workerData: ring });
  const hasher = startThread({ job: "hash", data: ring })!;
  for (const worker of [sender, hasher]) t.after(() => worker.terminate());
  hasher.on("error", (error) => sender.emit("error", error));
  return async (layers) => {
    sender.postMessage(layers);
    const [answer] = await once(sender, "message");
    return answer as (string | undefined)[];
  };
}

/** What a hash in this thread makes of the same layers. */
function inline(layers: readonly WantedLayer[]): (string | undefined)[] {
  return layers.map((layer) => {
    if (layer.givenUp) return undefined;
    const hash = createHash("sha256");
    for (const index of layer.chunks.keys()) hash.update(chunkOf(layer, index));
    return hash.digest("hex");
  });
}

const layer = (fields: Partial<WantedLayer>): WantedLayer => ({
  seed: "layer",
  chunks: [1000],
  givenUp: false,
  own: false,
  ...fields,
});

// A thread that waits for ever isn't ended by anybody else.
describe("a ring of chunks between two threads", { timeout: 300_000 }, () => {
  it("gives a layer the digest that it has in one thread, whatever the sizes of its chunks", async (t) => {
    const layers = [
      [],
      [0],
      [1],
      [CHUNK_SIZE],
      [0, 0, 1, 0],
      [CHUNK_SIZE - 1, 1, CHUNK_SIZE],
      // More than the ring has room for, several times.
      Array.from({ length: 19 }, (_, index) => [CHUNK_SIZE, 1, 0, 512][index % 4]!),
    ].flatMap((chunks, index) => [
      layer({ seed: `${index}`, chunks }),
      layer({ seed: `${index}`, chunks, own: true }),
    ]);
    assert.deepEqual(await twoThreads(t)(layers), inline(layers));
  });

  it("forgets a layer that is given up, wherever in the ring that is", async (t) => {
    const layers = Array.from({ length: 12 }, (_, index) => [
      layer({ seed: "given up", chunks: Array.from({ length: index }, () => 700), givenUp: true }),
      layer({ seed: `${index}`, chunks: [index, 300] }),
    ]).flat();
    assert.deepEqual(await twoThreads(t)(layers), inline(layers));
  });

  it("waits on when it is woken and there is no chunk", async (t) => {
    const memory = newRingMemory();
    const worker = startThread({ job: "hash", data: memory })!;
    t.after(() => worker.terminate());
    const control = new Int32Array(memory.control);
    const wake = () => control.reduce((woken, _, place) => woken + Atomics.notify(control, place), 0);
    const ring = new ChunkRing(memory);
    for (const seed of ["a", "b", "c"]) {
      while (wake() === 0) await setImmediate();
      const wanted = layer({ seed, chunks: [100, 200] });
      for (const index of wanted.chunks.keys()) ring.put(chunkOf(wanted, index));
      assert.deepEqual([ring.complete()], inline([wanted]));
    }
  });

  it("is served by whoever fills it where the other thread doesn't come, or comes too late", () => {
    const memory = newRingMemory();
    const ring = new ChunkRing(memory, 1);
    const wanted = ["a", "b"].map((seed) => layer({ seed, chunks: [CHUNK_SIZE, 1, 0, 7, 512, 3] }));
    for (const [index, one] of wanted.entries()) {
      for (const chunk of one.chunks.keys()) ring.put(chunkOf(one, chunk));
      if (index === 0) ring.giveUp();
      else assert.equal(ring.complete(), inline([one])[0]);
      // Returns at once, and takes nothing.
      new ChunkRing(memory).serve();
    }
    assert.equal(ring.broken, false);
  });

  it("fails when the other thread is killed with a part of a layer, and then at once", async (t) => {
    const memory = newRingMemory();
    const worker = startThread({ job: "hash", data: memory })!;
    t.after(() => worker.terminate());
    const ring = new ChunkRing(memory, 1);
    const control = new Int32Array(memory.control);
    const taken = async () => {
      while (Atomics.load(control, 1) < Atomics.load(control, 0)) await setImmediate();
    };
    ring.put(Buffer.from("a part"));
    await taken();
    await worker.terminate();
    const lost = /a thread that hashes ended before its work was done/;
    assert.throws(() => {
      for (;;) ring.put(Buffer.from("another part"));
    }, lost);
    assert.ok(ring.broken);
    ring.giveUp();
    assert.throws(() => ring.complete(), lost);
  });

  it("does both for layers in any order", async (t) => {
    const send = twoThreads(t);
    const size = fc.oneof(fc.constantFrom(0, 1, CHUNK_SIZE - 1, CHUNK_SIZE), fc.nat(5000));
    const layers = fc.array(
      fc.record({
        seed: fc.constantFrom("a", "b"),
        chunks: fc.array(size, { maxLength: 9 }),
        givenUp: fc.boolean(),
        own: fc.boolean(),
      }),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(layers, async (wanted) => {
        assert.deepEqual(await send(wanted), inline(wanted));
      }),
      { numRuns: 30 },
    );
  });
});
