import type { ReferencesGraph } from "../graph/index.ts";
import type { LayerBudget } from "./budget.ts";

/** Which components share a layer, in the order of the layers, the lowest first. */
export interface LayerPlan {
  /** Component ids, one list a layer, none of them empty; within a layer in the order in which they're packed. */
  readonly groups: readonly (readonly string[])[];
}

/** A way to decide which components share a layer. */
export interface Strategy {
  /** What it is called on the command line. */
  readonly name: string;
  /** Puts each component into one of at most `available` (1 or more) groups, none of them empty. */
  plan(graph: ReferencesGraph, available: number): string[][];
}

/** Plans an image's component layers: `strategy` decides, within what `budget` leaves. */
export function planLayers(graph: ReferencesGraph, strategy: Strategy, budget: LayerBudget): LayerPlan {
  return { groups: strategy.plan(graph, budget.available) };
}
