import type { ReferencesGraph } from "#graph";
import type { LayerBudget } from "./budget.ts";
import { projectLayers } from "./project-layers.ts";

/** Which components share a layer, in the order of the layers, the lowest first. */
export interface LayerPlan {
  /** Component ids: for each layer a list that isn't empty, in the order in which the components are packed. */
  readonly groups: readonly (readonly string[])[];
}

/** What is known about components besides the graph. Each strategy uses what it needs of it. */
export interface ComponentMetadata {
  /** How many bytes of a layer's tar each component takes, by id. Without it, NAR sizes are used. */
  readonly sizes?: ReadonlyMap<string, number> | undefined;
  /** How often each unit changes compared with others, a positive integer, by the unit's name; 1 unless said. */
  readonly weights?: ReadonlyMap<string, number> | undefined;
  /**
   * The unit that each component belongs to, by id, or several: components of one unit change together, such as those of one
   * source package. A component that isn't in it is a unit of its own, whose name is its key.
   */
  readonly units?: ReadonlyMap<string, string | readonly string[]> | undefined;
}

/** What a strategy is given. */
export interface PlanInput extends ComponentMetadata {
  readonly graph: ReferencesGraph;
  /** The graph that components were left out of to make this one, if some were. Of those only the sizes of NARs are known. */
  readonly whole?: ReferencesGraph | undefined;
  /** The components' keys, where the graph is part of another, in which they have these. */
  readonly keys?: ReadonlyMap<string, string> | undefined;
  /** How many layers there may be: 1 or more. */
  readonly available: number;
}

/** A way to decide which components share a layer. */
export interface Strategy {
  /** What it is called on the command line. */
  readonly name: string;
  /** Whether the order of its layers stands in a Node project, too, where others' are ordered by what is likely to change. */
  readonly keepsOrder?: boolean;
  /** Whether it is about all of a Node project, whose own files have a layer for themselves otherwise. */
  readonly plansAll?: boolean;
  /** Puts each component into one of at most `available` groups, none of them empty. */
  plan(input: PlanInput): string[][];
}

/**
 * Plans an image's component layers: `strategy` decides, within what `budget` leaves. Of a Node project it decides about what
 * has been installed; above that are the workspace's other packages and, on top and alone, the project's own files.
 */
export function planLayers(
  graph: ReferencesGraph,
  strategy: Strategy,
  {
    available,
    whole,
    ...metadata
  }: Pick<LayerBudget, "available"> & Pick<PlanInput, "whole"> & ComponentMetadata,
): LayerPlan {
  const { sizes, weights, units } = metadata;
  const input = { graph, available, sizes, weights, units };
  const isProject = graph.kind === "npm" && !strategy.plansAll;
  return { groups: isProject ? projectLayers(strategy, input) : strategy.plan({ ...input, whole }) };
}
