import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Fingerprint, fingerprintKey } from "#util";

function fingerprint(key: Uint8Array, chunks: readonly Uint8Array[]): string {
  const fingerprint = new Fingerprint(key);
  for (const chunk of chunks) fingerprint.update(chunk);
  return fingerprint.finish();
}

describe("a fingerprint", () => {
  it("is the same however the bytes are cut into chunks", () => {
    const key = fingerprintKey();
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
        assert.equal(fingerprint(key, chunks), fingerprint(key, [Buffer.concat(chunks)]));
      }),
    );
  });

  it("is another one when a bit, the length or the order of the bytes differs", () => {
    const key = fingerprintKey();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 5000 }), fc.nat(), (bytes, seed) => {
        const original = fingerprint(key, [bytes]);
        const flipped = Uint8Array.from(bytes);
        flipped[seed % bytes.length]! ^= 1 << (seed % 8);
        const zero = new Uint8Array(1);
        assert.notEqual(fingerprint(key, [flipped]), original);
        assert.notEqual(fingerprint(key, [bytes, zero]), original);
        assert.notEqual(fingerprint(key, [bytes.subarray(1)]), original);
        if (bytes[0] !== bytes[1]) {
          const swapped = [bytes.subarray(1, 2), bytes.subarray(0, 1), bytes.subarray(2)];
          assert.notEqual(fingerprint(key, swapped), original);
        }
      }),
    );
  });

  it("means nothing under another key", () => {
    const bytes = Buffer.from("the same bytes");
    assert.notEqual(fingerprint(fingerprintKey(), [bytes]), fingerprint(fingerprintKey(), [bytes]));
  });
});
