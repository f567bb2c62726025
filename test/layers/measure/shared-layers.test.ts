import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { layerKey } from "#cache";
import { LayerTable } from "#measure";
import { digestOf } from "#oci";

const KEY = layerKey(["a layer"]);
const layer = (text = "layer") => ({ diffId: digestOf(Buffer.from(text)), size: text.length });

/** Whether a promise is settled already. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

describe("layers that images share while they are made", () => {
  it("are made by the first, and known to others once they are stored at all its places", async () => {
    const table = new LayerTable();
    const [one, other] = [table.seat(2), table.seat(1)];
    assert.equal(await one.known(KEY), undefined);
    const waiting = other.known(KEY);
    one.measured(KEY, layer());
    one.stored(layer().diffId);
    assert.ok(await isPending(waiting));
    one.stored(layer().diffId);
    assert.deepEqual(await waiting, layer());
    assert.deepEqual(await table.seat(1).known(KEY), layer());
    // Whoever made it doesn't wait for itself.
    assert.deepEqual(await one.known(KEY), layer());
  });

  it("are known before they are stored where that is said", async () => {
    const table = new LayerTable();
    const [one, other] = [table.seat(1), table.seat(1)];
    await one.known(KEY);
    one.measured(KEY, layer());
    one.release(KEY);
    assert.deepEqual(await other.known(KEY), layer());
  });

  it("are left to one of the others if the image fails that was about to make them", async () => {
    const table = new LayerTable();
    const [one, other, third] = [table.seat(1), table.seat(1), table.seat(1)];
    await one.known(KEY);
    const waiting = [other.known(KEY), third.known(KEY)] as const;
    one.measured(KEY, layer());
    one.leave(false);
    assert.equal(await waiting[0], undefined);
    assert.ok(await isPending(waiting[1]));
    other.measured(KEY, layer("other"));
    other.leave(true);
    assert.deepEqual(await waiting[1], layer("other"));
  });

  it("stay known if the image fails that had stored them", async () => {
    const table = new LayerTable();
    const one = table.seat(1);
    await one.known(KEY);
    one.measured(KEY, layer());
    one.stored(layer().diffId);
    one.leave(false);
    assert.deepEqual(await table.seat(1).known(KEY), layer());
  });

  it("are made again once somebody has found that they are others", async () => {
    const table = new LayerTable();
    const [one, other] = [table.seat(1), table.seat(1)];
    await one.known(KEY);
    one.measured(KEY, layer());
    one.leave(true);
    other.forget(KEY);
    assert.equal(await other.known(KEY), undefined);
    // What doesn't hold the key says nothing of it.
    one.measured(KEY, layer());
    one.release(KEY);
    assert.ok(await isPending(table.seat(1).known(KEY)));
  });
});
