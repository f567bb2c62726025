/** The report about a plan: plain data, from which the table, the JSON and the page are made. */

import { VarveError } from "#errors";
import type { GraphKind } from "#graph";
import {
  layerOf,
  layersOfGroups,
  type ModelLayer,
  planLayers,
  type UnitSet,
  type UpdateModel,
  updateModel,
} from "#layering";
import { type ImagePlan, layerNumbers, STRATEGIES } from "#plan";
import { compareNames } from "#util";
import type { PlanComparison } from "./against.ts";
import { type ProjectChanges, projectChanges, unitsOf } from "./changes.ts";
import { nameOf } from "./names.ts";

/** A component of a planned layer. Sizes are bytes of the layer's tar. */
export interface ReportedComponent {
  readonly id: string;
  readonly key: string;
  /** As people know it. */
  readonly name: string;
  readonly size: number;
}

/** The units whose change touches a layer, so that it is sent again. */
export interface Touched {
  /** The share of updates that do, from 0 to 1. */
  readonly share: number;
  /**
   * Of which updates this is the share: of all; or in a Node project, whose own code changes with nearly each of them, of those of this
   * code for a layer that has some of it, and of those of packages for others.
   */
  readonly of: "all" | "code" | "packages";
  /** The units whose change does, the heaviest first, then the layer's own, then by name. */
  readonly by: readonly string[];
}

/** A planned layer. Sizes are bytes. */
export interface ReportedLayer {
  /** Its number in the image, the base's layers counted; the lowest is 1. */
  readonly number: number;
  readonly size: number;
  /** Its part of the sizes of all, from 0 to 1. */
  readonly share: number;
  /** In the order in which they are packed. */
  readonly components: readonly ReportedComponent[];
  readonly touched: Touched;
}

/** A way to group the components, and what an update sends again then. */
export interface Grouping {
  readonly name: string;
  readonly layers: readonly ReportedLayer[];
  /** Bytes sent again by an update, on average; in a Node project by an update of what is installed. */
  readonly resent: number;
}

/** All that there is to tell of a plan. Sizes are bytes. */
export interface PlanReport {
  /** The image's name; absent if a graph is planned. */
  readonly image?: string;
  readonly graph: GraphKind;
  readonly components: number;
  readonly size: number;
  /** How many units there are that change, each by itself; in a Node project those of what is installed. */
  readonly units: number;
  /** Where the layers go. */
  readonly budget: {
    readonly maxLayers: number;
    readonly base: number;
    readonly customisation: 0 | 1;
    /** How many layers components may have, and how many they take. */
    readonly available: number;
    readonly used: number;
  };
  /** What changes of a Node project cost; absent for another graph. */
  readonly changes?: ProjectChanges;
  /** The plan. */
  readonly plan: Grouping;
  /** The other strategies' plans. */
  readonly others: readonly Grouping[];
  /** Bytes that an update sends again if each component has its own layer, so that nothing is sent needlessly. */
  readonly floor: number;
  /** Components whose files aren't on this machine, so that NAR sizes are used. */
  readonly absent: readonly string[];
  readonly against: readonly PlanComparison[];
}

/**
 * Makes the report about a plan.
 * @param plan with sizes
 * @throws VarveError `TOO_LARGE` for a graph that no strategy but popularity can plan
 */
export function reportPlan(plan: ImagePlan, image?: string): PlanReport {
  const { graph, budget, sizes, groups } = plan;
  const input = { graph, sizes: sizes?.sizes, ...plan.updates };
  const model = updateModel(input);
  const updates = new Updates(plan, model);
  const grouper = new Grouper(plan, { model, updates });
  const floor = model.nodes.map((node) => layerOf([node], model));
  const layers = layersOfGroups(groups, model);
  return {
    ...(image === undefined ? {} : { image }),
    graph: graph.kind,
    components: graph.components.size,
    size: grouper.total,
    units: updates.units,
    budget: {
      maxLayers: budget.maxLayers,
      base: plan.baseLayers,
      customisation: plan.rootPlace === "none" ? 0 : 1,
      available: budget.available,
      used: groups.length,
    },
    ...(graph.kind === "npm" && { changes: projectChanges(plan, { layers, model }) }),
    plan: grouper.group(chosenName(plan), groups),
    others: groups.length === 0 ? [] : otherGroupings(plan, grouper),
    floor: updates.resent(floor),
    absent: sizes?.absent ?? [],
    against: [],
  };
}

function chosenName({ strategy, keepsLayout }: ImagePlan): string {
  return keepsLayout ? `${strategy.name}, with the last layout` : strategy.name;
}

function otherGroupings(plan: ImagePlan, grouper: Grouper): Grouping[] {
  const { graph, whole, budget, sizes, updates } = plan;
  const known = { available: budget.available, whole, sizes: sizes?.sizes, ...updates };
  return STRATEGIES.filter(({ name }) => name !== chosenName(plan)).flatMap((strategy) => {
    try {
      return [grouper.group(strategy.name, planLayers(graph, strategy, known).groups)];
    } catch (error) {
      // There is nothing to compare with if a strategy can't plan this graph.
      if (error instanceof VarveError && error.code === "TOO_LARGE") return [];
      throw error;
    }
  });
}

/** Describes groups of components. */
class Grouper {
  readonly total: number;
  readonly #plan: ImagePlan;
  readonly #model: UpdateModel;
  readonly #updates: Updates;

  constructor(plan: ImagePlan, { model, updates }: { model: UpdateModel; updates: Updates }) {
    this.#plan = plan;
    this.#model = model;
    this.#updates = updates;
    this.total = model.nodes.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  group(name: string, groups: readonly (readonly string[])[]): Grouping {
    const layers = layersOfGroups(groups, this.#model);
    const numbers = layerNumbers(this.#plan, groups);
    return {
      name,
      layers: layers.map((layer, at) => this.#layer(layer, { ids: groups[at]!, number: numbers[at]! })),
      resent: this.#updates.resent(layers),
    };
  }

  #layer(layer: ModelLayer, { ids, number }: { ids: readonly string[]; number: number }): ReportedLayer {
    const { graph, sizes } = this.#plan;
    const components = ids.map((id): ReportedComponent => {
      const component = graph.components.get(id)!;
      const size = sizes?.sizes.get(id) ?? 0;
      return { id, key: this.#model.keys.get(id)!, name: nameOf(component), size };
    });
    return {
      number,
      size: layer.bytes,
      share: this.total === 0 ? 0 : layer.bytes / this.total,
      components,
      touched: { ...this.#updates.share(layer), by: this.#unitsOf(layer) },
    };
  }

  #unitsOf({ nodes, units }: ModelLayer): string[] {
    const own = new Set(nodes.map(({ key }) => key));
    const rank = (unit: string): number => (own.has(unit) ? 0 : 1);
    const weight = (unit: string): number => this.#plan.updates.weights?.get(unit) ?? 1;
    return this.#model.units
      .filter((_, unit) => (units[unit >> 5]! & (1 << (unit & 31))) !== 0)
      .sort((a, b) => weight(b) - weight(a) || rank(a) - rank(b) || compareNames(a, b));
  }
}

/** The updates that are looked at. A Node project's own code changes with nearly all, so that all else is about its packages. */
class Updates {
  /** How many units change. */
  readonly units: number;
  readonly #model: UpdateModel;
  /** The units of a project's own code: empty where nothing is known to be that, or where there is nothing else. */
  readonly #code: UnitSet;
  readonly #weight: { readonly code: number; readonly others: number };

  constructor({ graph }: ImagePlan, model: UpdateModel) {
    const { weights, units } = model;
    const code = unitsOf(["app", "workspace"], { graph, model });
    const others = weights.total - weights.of(code);
    this.#model = model;
    this.#code = others === 0 ? weights.empty() : code;
    this.#weight = { code: weights.of(this.#code), others: others === 0 ? weights.total : others };
    const isCode = (unit: number) => (this.#code[unit >> 5]! & (1 << (unit & 31))) !== 0;
    this.units = units.filter((_, unit) => !isCode(unit)).length;
  }

  share(layer: ModelLayer): Pick<Touched, "share" | "of"> {
    const others = this.#othersOf(layer);
    const code = layer.weight - others;
    if (code > 0) return { share: code / this.#weight.code, of: "code" };
    return { share: others / this.#weight.others, of: this.#weight.code > 0 ? "packages" : "all" };
  }

  /** Bytes that an update sends again, on average, rounded down. */
  resent(layers: readonly ModelLayer[]): number {
    const { others } = this.#weight;
    if (others === 0) return 0;
    const cost = layers.reduce((sum, layer) => sum + BigInt(layer.bytes) * BigInt(this.#othersOf(layer)), 0n);
    return Number(cost / BigInt(others));
  }

  #othersOf({ units }: ModelLayer): number {
    return this.#model.weights.ofDifference(units, this.#code);
  }
}
