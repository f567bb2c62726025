import fc from "fast-check";
import { makeGraph, type ReferencesGraph } from "#graph";

/** Each component's references, by id. */
export type References = Record<string, readonly string[]>;

export function graphOf(references: References): ReferencesGraph {
  const components = Object.entries(references).map(([id, ids]) => ({ id, path: id, references: ids }));
  return makeGraph(components, { kind: "nix", origin: "the test's graph" });
}

/** Ids with dashes in all places, and characters whose order by code point and by code unit differ. */
const ids = fc.uniqueArray(
  fc.string({ unit: fc.constantFrom("a", "b", "-", "/", "\uffee", "\u{1f600}"), minLength: 1, maxLength: 5 }),
  { maxLength: 9 },
);

const references = (isAllowed: (from: number, to: number) => boolean) =>
  ids.chain((names) =>
    fc
      .array(fc.array(fc.nat(Math.max(names.length - 1, 0)), { maxLength: 4 }), {
        minLength: names.length,
        maxLength: names.length,
      })
      .map((targets): References => {
        const pick = (from: number) =>
          targets[from]!.filter((to) => isAllowed(from, to)).map((to) => names[to]!);
        return Object.fromEntries(names.map((name, from) => [name, pick(from)]));
      }),
  );

/** Graphs without cycles, but for references to oneself. */
export const acyclicReferences: fc.Arbitrary<References> = references((from, to) => from <= to);

/** Any graphs. */
export const anyReferences: fc.Arbitrary<References> = references(() => true);
