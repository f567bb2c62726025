import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { counted, parts } from "../../../../src/places/registry/upload/chunks.ts";
import { read, Source, sampleBytes } from "../support/setup.ts";

test("parts have their size, the last excepted, and together are the whole", async () => {
  const lengths = fc.array(fc.nat(50), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 1, max: 64 }), async (all, size) => {
      const bytes = sampleBytes(all.reduce((sum, length) => sum + length, 0));
      const cut = async function* () {
        let at = 0;
        for (const length of all) {
          yield bytes.subarray(at, at + length);
          at += length;
        }
      };
      const sizes: number[] = [];
      const whole = await read(
        (async function* () {
          for await (const part of parts(cut(), size)) {
            sizes.push(part.length);
            yield part;
          }
        })(),
      );
      assert.deepEqual(whole, bytes);
      assert.ok(sizes.slice(0, -1).every((length) => length === size));
      assert.equal(sizes.length, Math.ceil(bytes.length / size));
    }),
  );
});

test("progress counts what has passed", async () => {
  const told: number[] = [];
  await read(counted(new Source(sampleBytes(250), 100).open(), (count) => told.push(count)));
  assert.deepEqual(told, [100, 200, 250]);
});
