import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CacheEntry, decodeEntries, encodeEntries } from "#cache";
import { digestOf } from "#oci";

const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("hex"));

const entries: fc.Arbitrary<CacheEntry> = fc.record(
  {
    kind: fc.constantFrom("blob", "layer", "tree"),
    key: hex,
    digest: fc.uint8Array().map(digestOf),
    size: fc.maxSafeNat(),
    portable: fc.boolean(),
  },
  { noNullPrototype: true },
);

const byName = (a: CacheEntry, b: CacheEntry) => (a.kind + a.key < b.kind + b.key ? -1 : 1);

describe("the document of entries", () => {
  it("gives back the entries, in the order of their keys", () => {
    fc.assert(
      fc.property(fc.uniqueArray(entries, { selector: ({ key }) => key }), (all) => {
        assert.deepEqual(decodeEntries(encodeEntries(all)), { entries: all.toSorted(byName), broken: 0 });
      }),
    );
  });

  it("has the same bytes whatever order the entries come in, and however often", () => {
    fc.assert(
      fc.property(fc.uniqueArray(entries, { selector: ({ key }) => key }), (all) => {
        assert.deepEqual(encodeEntries([...all.toReversed(), ...all]), encodeEntries(all));
      }),
    );
  });

  it("loses the entry and no other when any one byte is flipped, or it is cut short", () => {
    const three = fc.sample(entries, { numRuns: 3, seed: 1 }).sort(byName);
    const bytes = encodeEntries(three);
    const [first, second] = three.map((entry) => encodeEntries([entry]).length) as [number, number];
    const without = (at: number) =>
      three.filter((_, index) => index !== (at < first ? 0 : at < first + second ? 1 : 2));
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [0x01, 0x20, 0x80]) {
        const flipped = Uint8Array.from(bytes);
        flipped[at]! ^= mask;
        const decoded = decodeEntries(flipped);
        assert.ok(decoded.broken > 0, String(at));
        // A newline that is gone takes two lines with it.
        for (const entry of decoded.entries) assert.ok(three.some(({ key }) => key === entry.key));
        if (bytes[at] !== 0x0a) assert.deepEqual(decoded.entries, without(at), String(at));
      }
      const cut = decodeEntries(bytes.subarray(0, at));
      assert.ok(cut.entries.length <= 2 || at === bytes.length - 1, String(at));
    }
  });

  it("counts lines that are foreign, and reads the others", () => {
    const [entry] = fc.sample(entries, 1) as [CacheEntry];
    const line = Buffer.from(encodeEntries([entry])).toString();
    const respelled = `${JSON.stringify(JSON.parse(line), null, 1).replaceAll("\n", "")}\n`;
    const bytes = Buffer.from(`\n{}\nnull\n${respelled}${line}\xff\n`, "latin1");
    assert.deepEqual(decodeEntries(bytes), { entries: [entry], broken: 5 });
    assert.deepEqual(decodeEntries(Buffer.alloc(0)), { entries: [], broken: 0 });
  });
});
