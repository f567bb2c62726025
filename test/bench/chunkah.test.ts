import assert from "node:assert/strict";
import { test } from "node:test";
import { makeGraph } from "#graph";
import { chunkah } from "../../bench/layering/chunkah.ts";

/** What is made of packages of these sizes, the names of each layer's sorted. */
function layers(bytes: Readonly<Record<string, number>>, available: number, weights?: Map<string, number>) {
  const graph = makeGraph(
    Object.keys(bytes).map((name) => ({ id: `/s/${name}`, path: `/s/${name}`, references: [] })),
    { kind: "nix", origin: "a test" },
  );
  const of = (values: ReadonlyMap<string, number> | undefined) =>
    values && new Map([...values].map(([name, value]) => [`/s/${name}`, value]));
  const units = new Map(Object.keys(bytes).map((name) => [`/s/${name}`, name]));
  const groups = chunkah.plan({
    graph,
    available,
    sizes: of(new Map(Object.entries(bytes)))!,
    units,
    weights,
  });
  return groups.map((ids) => ids.map((id) => id.slice(3)).sort());
}

const SMALL = Object.fromEntries([..."abcdefghijklmnopqrst"].map((name, at) => [name, 100 + at]));

test("chunkah: what is much larger than the rest is alone, in four fifths of the layers at most", () => {
  const plan = layers({ ...SMALL, kernel: 9000, firefox: 8000, llvm: 7000 }, 4);
  const alone = plan.filter((names) => names.length === 1).flat();
  assert.deepEqual(alone.sort(), ["firefox", "kernel"]);
  assert.equal(plan.length, 4);
});

test("chunkah: where a package is follows from its name, so that what comes and goes moves no other", () => {
  const before = layers({ ...SMALL, kernel: 9000 }, 6);
  const after = layers({ ...SMALL, kernel: 9000, "a-new-one": 110 }, 6);
  const others = after.map((names) => names.filter((name) => name !== "a-new-one"));
  assert.deepEqual(others.sort(), before.sort());
});

test("chunkah: what changes often isn't with what seldom does", () => {
  const weights = new Map([..."abcde"].map((name) => [name, 365]));
  const plan = layers(SMALL, 5, weights);
  for (const names of plan) {
    const often = names.filter((name) => weights.has(name)).length;
    assert.ok(often === 0 || often === names.length, names.join(" "));
  }
  // The most stable layer is the lowest.
  assert.ok(plan.at(-1)!.every((name) => weights.has(name)));
});
