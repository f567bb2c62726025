/**
 * What an update costs: which components change with which, and how many bytes they have.
 *
 * When a component changes in a graph of immutable store paths, everything that depends on it gets a new path, too, since a
 * path has a hash of its inputs. So a component changes when any unit in its closure changes. An npm package changes
 * independently of others: there, the set of a component is only its own unit.
 */
import { VarveError } from "#errors";
import { compareNames } from "#util";
import { condense } from "./condense.ts";
import { keysOf } from "./key.ts";
import type { PlanInput } from "./plan.ts";
import { addUnits, checkWeight, type UnitSet, UnitWeights } from "./unit-sets.ts";

/** More nodes would take too much memory: their sets have as many bits as the square of this. */
export const MAX_MODEL_NODES = 50_000;

/** A component, or the components of one cycle. */
export interface ModelNode {
  /** In the order of their keys. */
  readonly ids: readonly string[];
  /** The key of the first of them. */
  readonly key: string;
  /** Of the layer's tar. */
  readonly bytes: number;
  /** The units whose change changes it: D(p). */
  readonly units: UnitSet;
  /** The sum of their weights: R(p). */
  readonly weight: number;
}

/** A graph for strategies that consider what an update costs. */
export interface UpdateModel {
  /** In the order of their keys. */
  readonly nodes: readonly ModelNode[];
  readonly weights: UnitWeights;
  /** The units' names: the unit with bit `u` in a set is the one at `u`. */
  readonly units: readonly string[];
  /** Of each component, by id. */
  readonly keys: ReadonlyMap<string, string>;
}

type ModelInput = Omit<PlanInput, "available">;

/** A strategy that keeps to a layout asks another for a fresh plan, of the very same input. */
const models = new WeakMap<ModelInput, UpdateModel>();

/**
 * What is made of an input is kept for as long as that is.
 * @throws {VarveError} TOO_LARGE for more than 50,000 components or if all sizes or weights together are beyond 2^53;
 *   USAGE if a weight isn't a whole number of 1 or more.
 */
export function updateModel(input: ModelInput): UpdateModel {
  const known = models.get(input);
  if (known !== undefined) return known;
  const model = modelOf(input);
  models.set(input, model);
  return model;
}

function modelOf({ graph, sizes, weights, units, keys = keysOf(graph) }: ModelInput): UpdateModel {
  const { members, children } = condense(graph);
  if (members.length > MAX_MODEL_NODES) {
    throw new VarveError(
      "TOO_LARGE",
      `a graph of ${members.length} components is too large for this strategy; take "popularity" instead`,
    );
  }
  const byKey = (a: string, b: string): number => compareNames(keys.get(a)!, keys.get(b)!);
  for (const ids of members) ids.sort(byKey);

  const numbers = new Map<string, number>();
  const ownUnits = members.map((ids) =>
    ids
      .flatMap((id) => units?.get(id) ?? keys.get(ids[0]!)!)
      .map((unit) => {
        if (!numbers.has(unit)) numbers.set(unit, numbers.size);
        return numbers.get(unit)!;
      }),
  );
  const unitWeights = new UnitWeights(
    [...numbers.keys()].map((unit) => checkWeight(unit, weights?.get(unit) ?? 1)),
  );

  const spreads = graph.kind !== "npm";
  const sets: UnitSet[] = new Array(members.length);
  /** The first word of each that has bits: what a node needs has higher numbers, unless units were given. */
  const firsts = new Int32Array(members.length);
  // Backwards, since all that a node refers to comes after it.
  for (let node = members.length - 1; node >= 0; node--) {
    const set = unitWeights.empty();
    let first = set.length;
    for (const unit of ownUnits[node]!) {
      set[unit >> 5]! |= 1 << (unit & 31);
      first = Math.min(first, unit >> 5);
    }
    if (spreads) {
      for (const child of children[node]!) {
        addUnits(set, sets[child]!, firsts[child]);
        first = Math.min(first, firsts[child]!);
      }
    }
    firsts[node] = first;
    sets[node] = set;
  }

  const sizeOf = (id: string): number => sizes?.get(id) ?? graph.components.get(id)!.narSize ?? 0;
  const nodes = members.map((ids, node): ModelNode => {
    const bytes = ids.reduce((sum, id) => sum + sizeOf(id), 0);
    return { ids, key: keys.get(ids[0]!)!, bytes, units: sets[node]!, weight: unitWeights.of(sets[node]!) };
  });
  const total = nodes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (!Number.isSafeInteger(total) || !Number.isSafeInteger(unitWeights.total)) {
    throw new VarveError(
      "TOO_LARGE",
      "the sizes or the weights of all components are too large to be added up",
    );
  }
  nodes.sort((a, b) => compareNames(a.key, b.key));
  return { nodes, weights: unitWeights, units: [...numbers.keys()], keys };
}

/** Compares nodes by their bytes, the most first, then by key. */
export function largestFirst(a: ModelNode, b: ModelNode): number {
  return b.bytes - a.bytes || compareNames(a.key, b.key);
}

/** Nodes that share a layer. */
export interface ModelLayer {
  /** In the order of their keys. */
  readonly nodes: readonly ModelNode[];
  readonly bytes: number;
  /** The units whose change touches the layer: D of it. */
  readonly units: UnitSet;
  /** The sum of their weights. */
  readonly weight: number;
}

/** A layer of these nodes. */
export function layerOf(nodes: readonly ModelNode[], { weights }: UpdateModel): ModelLayer {
  const units = weights.empty();
  for (const node of nodes) addUnits(units, node.units);
  return {
    nodes: [...nodes].sort((a, b) => compareNames(a.key, b.key)),
    bytes: nodes.reduce((sum, { bytes }) => sum + bytes, 0),
    units,
    weight: weights.of(units),
  };
}

/** The nodes that groups of component ids are made of, and so the layers that these are: those of a cycle are in one. */
export function layersOfGroups(groups: readonly (readonly string[])[], model: UpdateModel): ModelLayer[] {
  const nodeOf = new Map(model.nodes.flatMap((node) => node.ids.map((id) => [id, node] as const)));
  return groups.map((ids) => layerOf([...new Set(ids.map((id) => nodeOf.get(id)!))], model));
}

/** The ids of a layer's components, in the order of their keys. */
export function idsOf({ nodes }: Pick<ModelLayer, "nodes">, { keys }: UpdateModel): string[] {
  return nodes.flatMap(({ ids }) => ids).sort((a, b) => compareNames(keys.get(a)!, keys.get(b)!));
}

/**
 * The bytes that an update sends again, on average, times the sum of all weights: for each layer its bytes times the
 * weight of what touches it. An update is the change of one unit; a unit of twice the weight changes twice as often.
 */
export function updateCost(layers: readonly ModelLayer[]): bigint {
  return layers.reduce((sum, { bytes, weight }) => sum + BigInt(bytes) * BigInt(weight), 0n);
}
