import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  decodeHead,
  decodeRecords,
  decodeSegment,
  encodeSegment,
  likelyHead,
  mergeRecords,
  NO_SUB,
  recordName,
  type SegmentHead,
  type SharedRecord,
} from "#cache";
import { type Digest, digestOf } from "#oci";

const hex = (digits: number) =>
  fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .map((bytes) => Buffer.from(bytes).toString("hex"));

/** Keys of which some begin alike, so that records share ranges and names. */
const keys = fc.oneof(hex(16), fc.constantFrom("0000000000000000", "0000000000000001", "ffffffffffffffff"));

const records: fc.Arbitrary<SharedRecord> = fc
  .record(
    {
      key: keys,
      kind: fc.constantFrom("layer" as const, "blob" as const, "base" as const),
      sub: hex(16),
      digest: hex(64).map((digits) => `sha256:${digits}` as Digest),
      size: fc.nat({ max: 2 ** 40 - 1 }),
      day: fc.nat({ max: 65_535 }),
    },
    { noNullPrototype: true },
  )
  .map((record) => (record.kind === "blob" ? record : { ...record, sub: NO_SUB }));

/** As many records as one wants, with keys that lie as hashes do. */
function sample(count: number): SharedRecord[] {
  return Array.from({ length: count }, (_, number) => {
    const digest = digestOf(Buffer.from(`record ${number}`));
    return { key: digest.slice(7, 23), kind: "layer", sub: NO_SUB, digest, size: number, day: 20_000 };
  });
}

describe("a segment of a shared cache", () => {
  it("is read as it was written, in the order of its keys, whatever order it came in", () => {
    fc.assert(
      fc.property(
        fc.array(records, { maxLength: 60 }),
        fc.array(hex(32), { maxLength: 5 }),
        (all, replaced) => {
          const bytes = encodeSegment({ records: all, replaced });
          const segment = decodeSegment(bytes)!;
          assert.deepEqual(segment.records, mergeRecords([all]));
          assert.deepEqual(segment.replaced, replaced.toSorted());
          assert.deepEqual(
            encodeSegment({ records: all.toReversed(), replaced: replaced.toReversed() }),
            bytes,
          );
          const names = segment.records.map(recordName);
          assert.deepEqual(names, [...new Set(names)].sort());
        },
      ),
    );
  });

  it("leads from its head to each record, and hardly further", () => {
    const all = sample(5000);
    const bytes = encodeSegment({ records: all, replaced: ["ab".repeat(16)] });
    const first = bytes.subarray(0, likelyHead(bytes.length));
    assert.ok(first.length < 3000, String(first.length));
    const head = decodeHead(first, bytes.length) as SegmentHead;
    assert.deepEqual(head.replaced, ["ab".repeat(16)]);
    for (const record of all) {
      const { from, to } = head.rangeOf(record.key);
      assert.ok(to - from < 2500, String(to - from));
      const found = decodeRecords(bytes.subarray(from, to))!;
      assert.deepEqual(
        found.filter(({ key }) => key === record.key),
        [record],
      );
    }
  });

  it("says how long its head is, if it was given too little of it", () => {
    const replaced = Array.from({ length: 1000 }, (_, number) => number.toString(16).padStart(32, "0"));
    const bytes = encodeSegment({ records: sample(300), replaced });
    const length = decodeHead(bytes.subarray(0, likelyHead(bytes.length)), bytes.length);
    assert.ok(typeof length === "number" && length > 16_000 && length < bytes.length);
    assert.ok(typeof decodeHead(bytes.subarray(0, length), bytes.length) === "object");
  });

  it("is nothing if a bit of its form is other, it is cut short or goes on, or its order is wrong", () => {
    const bytes = encodeSegment({ records: sample(50), replaced: ["cd".repeat(16)] });
    const changed = (at: number, value: number) => Buffer.from(bytes).fill(value, at, at + 1);
    const second = Buffer.from(bytes);
    second.set(bytes.subarray(-56), bytes.length - 112);
    const hostile: Record<string, Uint8Array> = {
      "another beginning": changed(0, 0),
      "more records": changed(8, 51),
      "too many bits": changed(12, 30),
      "more that is replaced": changed(14, 2),
      "an empty range that has records": changed(16, 0),
      "an unknown kind": changed(bytes.length - 48, 7),
      "a sub where there is none": changed(bytes.length - 47, 1),
      "an order that isn't one": changed(bytes.length - 56, 0),
      "the same twice": second,
      nothing: Buffer.alloc(0),
      "half of it": bytes.subarray(0, bytes.length / 2),
      "all but a byte": bytes.subarray(0, -1),
      "a byte more": Buffer.concat([bytes, Buffer.alloc(1)]),
    };
    for (const [what, other] of Object.entries(hostile)) assert.equal(decodeSegment(other), undefined, what);
    assert.ok(decodeSegment(bytes));
  });
});

describe("merging records", () => {
  it("gives the same in whatever order, however often, and in whatever parts", () => {
    const lists = fc.array(fc.array(records, { maxLength: 10 }), { maxLength: 5 });
    fc.assert(
      fc.property(lists, (all) => {
        const merged = mergeRecords(all);
        assert.deepEqual(mergeRecords(all.toReversed()), merged);
        assert.deepEqual(mergeRecords([merged, ...all, merged]), merged);
        assert.deepEqual(mergeRecords(all.map((list) => mergeRecords([list]))), merged);
      }),
    );
  });

  it("takes what was used last, and else the greater digest", () => {
    const [one, other] = sample(2) as [SharedRecord, SharedRecord];
    const same = { ...other, key: one.key };
    assert.deepEqual(mergeRecords([[one], [{ ...same, day: one.day + 1 }]]), [{ ...same, day: one.day + 1 }]);
    const greater = one.digest > same.digest ? one : same;
    assert.deepEqual(mergeRecords([[one], [same]]), [greater]);
  });
});
