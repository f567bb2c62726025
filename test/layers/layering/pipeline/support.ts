import { makeGraph } from "#graph";
import { pipelineStrategy } from "#layering";
import type { References } from "../graphs.ts";

/** The layers that a pipeline makes of a graph, in which components are the larger, the later they are named. */
export function layers(references: References, ...steps: unknown[]): string[][] {
  const components = Object.entries(references).map(([id, ids], narSize) => ({
    id,
    path: id,
    references: ids,
    narSize,
  }));
  const graph = makeGraph(components, { kind: "nix", origin: "the test's graph" });
  return pipelineStrategy(steps).plan({ graph, available: 100 });
}

/** Two applications that share a library, a third that shares nothing, and what stands alone. */
export const SHOP: References = {
  libc: [],
  lib: ["libc"],
  own: ["libc"],
  one: ["lib", "own"],
  two: ["lib"],
  other: ["solo"],
  solo: [],
};
