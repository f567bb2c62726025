import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LayerRoom, newRoomMemory } from "../../../src/layers/measure/layer-room.ts";

describe("room for layers in memory", () => {
  it("gives all chunks that were asked for or none, each to one at a time, and those that were given back again", () => {
    const steps = fc.array(fc.oneof(fc.record({ take: fc.nat(14) }), fc.record({ giveBack: fc.nat(5) })));
    fc.assert(
      fc.property(steps, (made) => {
        const memory = newRoomMemory();
        // As two threads have it.
        const [writer, measurer] = [new LayerRoom(memory), new LayerRoom(memory)];
        const held: number[][] = [];
        for (const step of made) {
          if ("giveBack" in step) {
            writer.giveBack(held.splice(step.giveBack, 1).flat());
            continue;
          }
          const free = 12 - held.flat().length;
          const taken = measurer.take(step.take);
          assert.equal(taken?.length, step.take <= free ? step.take : undefined);
          if (taken !== undefined) held.push(taken);
          assert.equal(new Set(held.flat()).size, held.flat().length);
        }
      }),
    );
  });

  it("is the same memory for all, and every chunk has its own", () => {
    const memory = newRoomMemory();
    const [writer, measurer] = [new LayerRoom(memory), new LayerRoom(memory)];
    for (let n = 0; n < 12; n++) measurer.chunk(n).fill(n);
    for (let n = 0; n < 12; n++) assert.ok(writer.chunk(n).every((byte) => byte === n));
  });
});
