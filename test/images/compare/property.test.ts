import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ChangeReason, compareImages, type ImageComparison } from "#compare";
import { type MadeEntry, type MadeLayer, madeImage } from "#testing";

/** A small world, so that images have much in common. */
const component = fc.record({
  name: fc.constantFrom("a", "b", "c", "lib-dev"),
  version: fc.constantFrom("1.0", "1.9", "1.10", ""),
  hash: fc.constantFrom("0", "1"),
  files: fc.dictionary(
    fc.constantFrom("x", "y", "sub/z"),
    fc.record({ content: fc.constantFrom("", "1", "2"), mode: fc.constantFrom(0o644, 0o755) }),
    { minKeys: 1 },
  ),
});

const layer = fc
  .record({
    components: fc.array(component, { maxLength: 3 }),
    loose: fc.dictionary(
      fc.constantFrom("/etc", "/etc/x", "/y"),
      fc.constantFrom<MadeEntry>({ content: "1" }, { content: "2" }, { link: "x" }, { dir: true }),
    ),
    listed: fc.boolean(),
  })
  .map(({ components, loose, listed }): MadeLayer => {
    const entries: Record<string, MadeEntry> = { ...loose };
    const ids = components.map(({ name, version, hash, files }) => {
      const id = `/nix/store/${hash.repeat(32)}-${name}${version && `-${version}`}`;
      for (const [file, entry] of Object.entries(files)) entries[`${id}/${file}`] = entry;
      return id;
    });
    return { components: listed ? [...new Set(ids)] : [], entries };
  });

const layers = fc.array(layer, { maxLength: 4 });

/** How often each reason is given, in the layers of the target and in those that are gone. */
function tally({ layers, gone }: ImageComparison): Partial<Record<ChangeReason, number>> {
  const counts: Partial<Record<ChangeReason, number>> = {};
  for (const { component, reasons } of [...layers, ...gone].flatMap(({ changes }) => changes)) {
    if (component === undefined) continue;
    for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  }
  return counts;
}

describe("comparing any two images", () => {
  it("finds nothing between an image and another made of the same", async () => {
    await fc.assert(
      fc.asyncProperty(layers, async (made) => {
        const found = await compareImages(await madeImage(made), await madeImage(made));
        assert.ok(found.layers.every(({ state, from, index }) => state === "same" && from === index));
        assert.deepEqual([found.gone, found.config, found.configDiffers], [[], [], false]);
        assert.equal(found.cost.sent.bytes + found.cost.extracted.bytes, 0);
      }),
      { numRuns: 50 },
    );
  });

  it("finds the same from both sides: what one lacks the other has more, and what moved here left there", async () => {
    await fc.assert(
      fc.asyncProperty(layers, layers, async (before, now) => {
        const [source, target] = [await madeImage(before), await madeImage(now)];
        const [there, back] = [await compareImages(source, target), await compareImages(target, source)];
        const [a, b] = [tally(there), tally(back)];
        assert.deepEqual([a.added, a.moved], [b.removed, b.left]);
        assert.deepEqual([b.added, b.moved], [a.removed, a.left]);
        for (const reason of ["version", "rebuilt", "content", "mode", "order"] as const) {
          assert.equal(a[reason], b[reason], reason);
        }
        const pairs = (found: ImageComparison) =>
          found.layers.filter(({ state }) => state === "changed").map(({ from, index }) => [from!, index]);
        const order = ([x]: number[], [y]: number[]) => x! - y!;
        assert.deepEqual(
          pairs(there).sort(order),
          pairs(back)
            .map(([from, index]) => [index!, from!])
            .sort(order),
        );
      }),
      { numRuns: 150 },
    );
  });

  it("gives a reason for each layer that the other lacks, and for no other", async () => {
    await fc.assert(
      fc.asyncProperty(layers, layers, async (before, now) => {
        const [source, target] = [await madeImage(before), await madeImage(now)];
        const { layers: found, cost } = await compareImages(source, target);
        const known = new Set(source.layers.map(({ diffId }) => diffId));
        for (const { diffId, state, sent, reasons } of found) {
          assert.equal(state === "same", known.has(diffId));
          assert.equal(sent, !known.has(diffId));
          assert.equal(reasons.length > 0, !known.has(diffId));
        }
        assert.ok(cost.sent.bytes <= cost.total.bytes);
        assert.ok(cost.extracted.layers >= found.filter(({ state }) => state !== "same").length);
        for (const made of [source, target]) assert.ok(made.layers.every((layer) => layer.opened() <= 1));
      }),
      { numRuns: 100 },
    );
  });
});
