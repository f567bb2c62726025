import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph, type ReferencesGraph } from "#graph";
import { keysOf, leader } from "#layering";
import { roundedSize } from "../../../src/layers/layering/leader.ts";
import { graphOf, type References } from "./graphs.ts";
import { naiveLeader } from "./naive-leader.ts";

const PAGE = 4096;

interface Case {
  readonly graph: ReferencesGraph;
  readonly sizes: ReadonlyMap<string, number>;
  readonly weights: ReadonlyMap<string, number>;
  readonly units: ReadonlyMap<string, string>;
}

/** Graphs of up to 40 components, with and without cycles, with sizes of all magnitudes and some weights and units. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    kind: fc.constantFrom("nix" as const, "nix" as const, "npm" as const),
    cyclic: fc.boolean(),
    parts: fc.array(
      fc.record({
        name: fc.constantFrom("a", "b-1", "b-2", "c-1-dev", "\u{1f600}", "\uffee"),
        size: fc.oneof(fc.nat(5 * PAGE), fc.nat(2 ** 30), fc.constantFrom(0, PAGE, PAGE + 1, 2 * PAGE)),
        references: fc.array(fc.nat(39), { maxLength: 4 }),
        weight: fc.option(fc.integer({ min: 1, max: 70 }), { nil: undefined }),
        unit: fc.option(fc.constantFrom("u", "v"), { nil: undefined, freq: 3 }),
      }),
      { minLength: 1, maxLength: 40 },
    ),
  })
  .map(({ kind, cyclic, parts }): Case => {
    const ids = parts.map(({ name }, at) => `/nix/store/${name}${at}`);
    const isAllowed = (from: number, to: number) => to < parts.length && (cyclic || from < to);
    const components = parts.map(({ references }, at) => ({
      id: ids[at]!,
      path: ids[at]!,
      references: references.filter((to) => isAllowed(at, to)).map((to) => ids[to]!),
    }));
    const graph = makeGraph(components, { kind, origin: "a test" });
    const keys = keysOf(graph);
    const given = <T>(of: (part: (typeof parts)[0]) => T | undefined, name = (id: string) => id) =>
      new Map(
        parts.flatMap((part, at) => {
          const value = of(part);
          return value === undefined ? [] : [[name(ids[at]!), value] as const];
        }),
      );
    return {
      graph,
      sizes: given(({ size }) => size),
      weights: given(
        ({ weight }) => weight,
        (id) => keys.get(id)!,
      ).set("u", 3),
      units: given(({ unit }) => unit),
    };
  });

const budgets = fc.integer({ min: 1, max: 16 });

test("the plan is, number by number, what the specification says", () => {
  fc.assert(
    fc.property(cases, budgets, (input, available) => {
      const keys = keysOf(input.graph);
      assert.deepEqual(
        leader.plan({ ...input, available }),
        naiveLeader({ ...input, available, keys }).layers,
      );
    }),
    { numRuns: 300 },
  );
});

test("each component is in exactly one layer, none is empty, and there are no more than available", () => {
  fc.assert(
    fc.property(cases, budgets, (input, available) => {
      const groups = leader.plan({ ...input, available });
      assert.ok(groups.length <= available);
      assert.ok(groups.every((group) => group.length > 0));
      assert.deepEqual(groups.flat().sort(), [...input.graph.components.keys()].sort());
    }),
  );
});

test("the plan doesn't depend on the order in which anything is given", () => {
  fc.assert(
    fc.property(cases, budgets, fc.infiniteStream(fc.nat()), (input, available, random) => {
      const shuffled = <T>(items: Iterable<T>): T[] =>
        [...items]
          .map((item) => ({ item, at: random.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ item }) => item);
      const components = shuffled(input.graph.components.values()).map((component) => ({
        ...component,
        references: shuffled(component.references),
      }));
      const other = {
        // Not made by makeGraph, which would bring it into order.
        graph: { kind: input.graph.kind, components: new Map(components.map((one) => [one.id, one])) },
        sizes: new Map(shuffled(input.sizes)),
        weights: new Map(shuffled(input.weights)),
        units: new Map(shuffled(input.units)),
      };
      assert.deepEqual(leader.plan({ ...other, available }), leader.plan({ ...input, available }));
    }),
  );
});

test("a new component that nobody needs moves no other, unless it is among the largest, a leader, or takes a key", () => {
  let unmoved = 0;
  fc.assert(
    fc.property(
      cases,
      fc.integer({ min: 2, max: 9 }),
      fc.nat(3 * PAGE),
      fc.nat(),
      (input, available, size, needs) => {
        const ids = [...input.graph.components.keys()];
        const added = "/nix/store/new";
        const references = [ids[needs % ids.length]!];
        const graph = makeGraph(
          [...input.graph.components.values(), { id: added, path: added, references }],
          {
            kind: input.graph.kind,
            origin: "a test",
          },
        );
        const sizes = new Map(input.sizes).set(added, size);
        const before = leader.plan({ ...input, available });
        const after = leader.plan({ ...input, graph, sizes, available });
        const { leaders } = naiveLeader({ ...input, graph, sizes, available, keys: keysOf(graph) });
        // Without one layer to each component before, the budget is what has decided.
        if (before.length < available || leaders.includes(added)) return;
        // Only the largest and leaders are ever without company; the added one is neither.
        if (after.some((group) => group.length === 1 && group[0] === added)) return;
        const sets = (groups: string[][]) =>
          new Set(
            groups
              .map((group) =>
                group
                  .filter((id) => id !== added)
                  .sort()
                  .join(" "),
              )
              .filter(Boolean),
          );
        unmoved++;
        assert.deepEqual(sets(after), sets(before));
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(unmoved > 100, String(unmoved));
});

test("a small graph is planned as by hand", () => {
  // Four layers: one component alone, three leaders. All in the tail are a page.
  const references: References = {
    "/s/libc": [],
    "/s/ssl": ["/s/libc"],
    "/s/curl": ["/s/ssl"],
    "/s/fonts": [],
    "/s/themes": [],
    "/s/app": ["/s/curl", "/s/fonts"],
  };
  const sizes = new Map(Object.keys(references).map((id) => [id, PAGE]));
  sizes.set("/s/libc", 100 * PAGE);
  // libc has a layer of its own. By size, then key, app leads. It is 6 from the themes (5 units of its closure, and the
  // themes' one), 4 from the fonts, 3 from ssl, 2 from curl: the themes lead. Then fonts are 4 from app and 2 from the
  // themes, ssl is 3 from both, curl 2 from app: ssl leads. Fonts are nearest to the themes, and curl to ssl, by 1.
  // Once libc is covered, both pairs add two units for two pages each, app adds four for one, so keys decide.
  assert.deepEqual(
    leader.plan({ graph: graphOf(references), available: 4, sizes }).map((group) => group.join(" ")),
    ["/s/libc", "/s/curl /s/ssl", "/s/fonts /s/themes", "/s/app"],
  );
});

test("in an npm graph a change doesn't spread, so what is needed has no say", () => {
  const components = [..."abcdefgh"].map((id, at) => ({ id, path: id, references: at > 0 ? ["a"] : [] }));
  const sizes = new Map(components.map(({ id }, at) => [id, (at + 1) * PAGE]));
  const plan = (all: typeof components) =>
    leader.plan({ graph: makeGraph(all, { kind: "npm", origin: "a test" }), available: 4, sizes });
  assert.deepEqual(plan(components), plan(components.map((one) => ({ ...one, references: [] }))));
});

test("sizes are rounded to powers of two of pages", () => {
  for (const [bytes, size] of [
    [0, 1],
    [1, 1],
    [PAGE, 1],
    [PAGE + 1, 2],
    [2 * PAGE, 2],
    [2 * PAGE + 1, 4],
    [5 * PAGE, 4],
    [5 * PAGE + 1, 8],
    [11 * PAGE, 8],
    [11 * PAGE + 1, 16],
    [180 * PAGE, 128],
    [180 * PAGE + 1, 256],
    [2 ** 50, 2 ** 38],
    [1.5 * 2 ** 50, 2 ** 39],
  ] as const) {
    assert.equal(roundedSize(bytes), size, String(bytes));
  }
});

test("numbers that would not be exact are refused", () => {
  const graph = graphOf({ "/s/a": [], "/s/b": [], "/s/c": [] });
  const sizes = new Map([...graph.components.keys()].map((id) => [id, 2 ** 40]));
  const weights = new Map([["a", 2 ** 40]]);
  assert.throws(() => leader.plan({ graph, sizes, weights, available: 2 }), { code: "TOO_LARGE" });
  const huge = new Map([...graph.components.keys()].map((id) => [id, Number.MAX_SAFE_INTEGER]));
  assert.throws(() => leader.plan({ graph, sizes: huge, available: 2 }), { code: "TOO_LARGE" });
  for (const weight of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => leader.plan({ graph, weights: new Map([["a", weight]]), available: 2 }), {
      code: "USAGE",
    });
  }
});
