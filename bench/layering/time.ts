import { type Component, makeGraph } from "#graph";
import { keepLayout, layoutOf, planLayers, steadyForSeries } from "#layering";
import { storeName } from "../fixtures/store.ts";
import { Random } from "./random.ts";

/**
 * How many seconds `steady` takes with the layout of the last build, which is more than any other strategy takes, for 10,000 components with 5
 * references each and sizes of all magnitudes, 127 layers. A component that nobody needs has changed.
 */
export function timeSteady(): number {
  const [before, now] = [graphOf("1.0"), graphOf("1.1")];
  const last = layoutOf(before, planLayers(before, steadyForSeries, { available: 127 }).groups);
  const start = performance.now();
  const { groups } = planLayers(now, keepLayout(last, steadyForSeries), { available: 127 });
  const seconds = (performance.now() - start) / 1000;
  if (groups.length !== 127 || groups.flat().length !== 10_000) throw new Error("steady made a wrong plan");
  return seconds;
}

function graphOf(versionOfLast: string): ReturnType<typeof makeGraph> {
  const random = new Random(7);
  const paths: string[] = [];
  const components = Array.from({ length: 10_000 }, (_, at): Component => {
    const id = `/nix/store/${storeName(`component${at}`, at === 9_999 ? versionOfLast : "1.0")}`;
    const references = at === 0 ? [] : Array.from({ length: 5 }, () => random.pick(paths));
    paths.push(id);
    return { id, path: id, references, narSize: Math.floor(100 * Math.exp(16 * random.next())) };
  });
  return makeGraph(components, { kind: "nix", origin: "the benchmark's graph" });
}
