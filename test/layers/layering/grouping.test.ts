import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Grouping, pagesOfAll } from "../../../src/layers/layering/steady/grouping.ts";
import { Touching } from "../../../src/layers/layering/steady/touching.ts";
import { FilledWords, UnitWeights } from "../../../src/layers/layering/unit-sets.ts";
import { layerOf, updateModel } from "../../../src/layers/layering/update-model.ts";
import { graphOf } from "./graphs.ts";

const PAGE = 4096;

test("however nodes come and go, it is known which units touch a layer, and which only once", () => {
  const weights = new UnitWeights(Array.from({ length: 70 }, () => 1));
  const unitsOf = (set: Int32Array) =>
    Array.from({ length: 70 }, (_, unit) => unit).filter((unit) => (set[unit >> 5]! >>> (unit & 31)) & 1);
  const sets = fc.array(fc.uniqueArray(fc.nat(69), { maxLength: 40 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(sets, fc.infiniteStream(fc.nat(19)), (all, choices) => {
      const touching = new Touching(weights);
      const words = new FilledWords(weights);
      const inside = new Set<number>();
      for (const choice of choices.take(60)) {
        const at = choice % all.length;
        const set = weights.empty();
        for (const unit of all[at]!) set[unit >> 5]! |= 1 << (unit & 31);
        words.fill(set);
        if (inside.delete(at)) touching.remove(words);
        else {
          inside.add(at);
          touching.add(words);
        }
        const counts = Map.groupBy(
          [...inside].flatMap((each) => all[each]!),
          (unit) => unit,
        );
        const touched = [...counts.keys()].sort((a, b) => a - b);
        assert.deepEqual(unitsOf(touching.any), touched);
        assert.deepEqual(
          unitsOf(touching.once),
          touched.filter((unit) => counts.get(unit)!.length === 1),
        );
      }
    }),
  );
});

test("a node moves to where the cost of all is least, whatever moved before", () => {
  // Some 40 components, each of which needs a few of those before it.
  const components = fc.array(
    fc.tuple(fc.array(fc.nat(39), { maxLength: 3 }), fc.integer({ min: 1, max: 60 }), fc.nat(5)),
    { minLength: 2, maxLength: 40 },
  );
  const nameAt = (at: number) => `c${String((at * 7 + 3) % 40).padStart(2, "0")}`;
  let moved = 0;
  fc.assert(
    fc.property(components, fc.integer({ min: 2, max: 6 }), fc.boolean(), (all, available, isWeighted) => {
      const graph = graphOf(
        Object.fromEntries(all.map(([needs], at) => [nameAt(at), needs.filter((to) => to < at).map(nameAt)])),
      );
      const sizes = new Map(all.map(([, pages], at) => [nameAt(at), pages * PAGE]));
      const weights = new Map(all.map(([, pages], at) => [nameAt(at), isWeighted ? (pages % 9) + 1 : 1]));
      const model = updateModel({ graph, sizes, weights });
      const grouping = new Grouping(model, available);
      const places = model.nodes.map((_, node) => all[node]![2] % available);
      for (const [node, layer] of places.entries()) grouping.add(node, layer);
      const cost = (): number => {
        const layers = Map.groupBy(model.nodes, (_, node) => places[node]!);
        return [...layers.values()].reduce(
          (sum, nodes) => sum + pagesOfAll(nodes) * layerOf(nodes, model).weight,
          0,
        );
      };
      for (let sweep = 0; sweep < 3; sweep++) {
        for (const node of grouping.largestFirst()) {
          const from = places[node]!;
          let [best, least] = [from, cost()];
          const isEmpty = (layer: number) =>
            !places.some((place, other) => other !== node && place === layer);
          const firstEmpty = Array.from({ length: available }, (_, layer) => layer).find(isEmpty);
          for (let layer = 0; layer < available; layer++) {
            if (layer === from || (isEmpty(layer) && layer !== firstEmpty)) continue;
            places[node] = layer;
            if (cost() < least) [best, least] = [layer, cost()];
          }
          places[node] = best;
          assert.equal(grouping.move(node), best !== from);
          assert.deepEqual([...grouping.layers], places);
          if (best !== from) moved++;
        }
      }
    }),
    { numRuns: 60 },
  );
  assert.ok(moved > 100, String(moved));
});
