/**
 * The strategy that keeps updates as small as it can.
 *
 * A layer is sent again when anything in it changes. Two components in one layer cost nothing extra if they always change
 * together; otherwise each is sent again whenever only the other changes. That price is their distance:
 *
 *     d(x, a) = S(x) · (R(a) − I(x, a)) + S(a) · (R(x) − I(x, a))
 *
 * S is a size, R the weight of all units that change a component, I the weight of those that change both. So R(a) − I is
 * how often a changes and x doesn't.
 *
 * The largest components get a layer each, since sending them needlessly costs most. All others follow leaders: the first
 * leader is the largest of them, and each further leader is the component farthest from all leaders so far. A component
 * that isn't a leader joins the nearest one.
 *
 * Where a component goes depends only on itself and the leaders. This, and sizes that are rounded to powers of two, keeps the
 * plans of consecutive versions alike: if a component grows a little, no other one moves.
 */
import { VarveError } from "#errors";
import { orderLayers } from "./layer-order.ts";
import type { Strategy } from "./plan.ts";
import { FilledWords } from "./unit-sets.ts";
import {
  idsOf,
  largestFirst,
  layerOf,
  type ModelLayer,
  type ModelNode,
  type UpdateModel,
  updateModel,
} from "./update-model.ts";

/** Groups what changes together, and is what `steady` begins with among store paths: docs/layering.md. */
export const leader: Strategy = {
  name: "leader",
  plan({ available, ...input }) {
    const model = updateModel(input);
    return leaderLayers(model, available).map((layer) => idsOf(layer, model));
  },
};

/** The plan's layers, in their order. There are `available` of them, or fewer if there are fewer components. */
export function leaderLayers(model: UpdateModel, available: number): ModelLayer[] {
  const groups =
    model.nodes.length <= available ? model.nodes.map((node) => [node]) : groupNodes(model, available);
  return orderLayers(
    groups.map((group) => layerOf(group, model)),
    model,
  );
}

function groupNodes(model: UpdateModel, available: number): ModelNode[][] {
  const nodes = [...model.nodes].sort(largestFirst);
  // Four tenths of all layers but one, rounded down.
  const alone = Math.floor((2 * (available - 1)) / 5);
  const followers = followLeaders(nodes.slice(alone), available - alone, model);
  return [...nodes.slice(0, alone).map((node) => [node]), ...followers];
}

/** A component in the tail: everything but those with a layer of their own. */
class Follower {
  readonly node: ModelNode;
  /** Its size, as it is used in distances. */
  readonly size: number;
  /** Its place in the order of keys. */
  readonly rank: number;
  /** The nearest leader so far; itself, once it is one. */
  leader: Follower = this;
  /** How far that is. */
  distance = Number.POSITIVE_INFINITY;

  constructor(node: ModelNode, rank: number) {
    this.node = node;
    this.size = roundedSize(node.bytes);
    this.rank = rank;
  }
}

/** Divides the tail, which begins with its largest node, into `count` groups; there are more nodes than that. */
function followLeaders(tail: readonly ModelNode[], count: number, model: UpdateModel): ModelNode[][] {
  const { weights } = model;
  const rankOf = new Map(model.nodes.map((node, rank) => [node, rank]));
  const all = tail.map((node) => new Follower(node, rankOf.get(node)!));
  // A distance is the sum of two products, each of a size and at most the sum of all weights.
  const largestSize = all.reduce((most, { size }) => Math.max(most, size), 1);
  if (!Number.isSafeInteger(2 * largestSize * weights.total)) {
    throw new VarveError(
      "TOO_LARGE",
      "the weights are too large for the components' sizes; give smaller ones",
    );
  }

  const groups = new Map<Follower, ModelNode[]>();
  for (let next = all[0]!; ; next = farthest(all)) {
    lead(next, all, model);
    groups.set(next, []);
    if (groups.size === count) break;
  }
  for (const follower of all) groups.get(follower.leader)!.push(follower.node);
  return [...groups.values()];
}

/** Makes a node the leader of itself, and of all nodes that are nearer to it than to their present leader. */
function lead(leader: Follower, all: readonly Follower[], { weights }: UpdateModel): void {
  leader.leader = leader;
  // No other leader can be nearer to it than itself.
  leader.distance = -1;
  const units = new FilledWords(weights).fill(leader.node.units);
  const [size, weight] = [leader.size, leader.node.weight];
  for (const follower of all) {
    // What two nodes have in common is at most what either has. This bound decides most cases without an exact distance.
    const difference = weight - follower.node.weight;
    const atLeast = difference > 0 ? follower.size * difference : size * -difference;
    if (!isNearer(atLeast, leader, follower)) continue;
    const common = units.weightInIf(follower.node.units, commonFor(follower.distance, leader, follower));
    const distance = follower.size * (weight - common) + size * (follower.node.weight - common);
    if (!isNearer(distance, leader, follower)) continue;
    follower.leader = leader;
    follower.distance = distance;
  }
}

/** At least so much have both in common if the leader is no farther than this: a little less, since a quotient is rounded. */
function commonFor(distance: number, leader: Follower, follower: Follower): number {
  const [size, other] = [leader.size, follower.size];
  return (
    Math.floor((other * leader.node.weight + size * follower.node.weight - distance) / (size + other)) - 1
  );
}

/** Whether a leader at this distance is to be preferred: of two that are equally near, the one with the smaller key. */
function isNearer(distance: number, leader: Follower, follower: Follower): boolean {
  if (distance !== follower.distance) return distance < follower.distance;
  return leader.rank < follower.leader.rank;
}

/** The node that is farthest from its leader and isn't one itself; among equals, the one with the smallest key. */
function farthest(all: readonly Follower[]): Follower {
  let found = all[0]!;
  for (const follower of all) {
    if (follower.distance < found.distance) continue;
    if (follower.distance > found.distance || follower.rank < found.rank) found = follower;
  }
  return found;
}

/**
 * S: bytes in pages of 4 KiB, rounded to the power of two that is nearest on a logarithmic scale. 181/128 stands for the
 * square root of two.
 */
export function roundedSize(bytes: number): number {
  if (bytes <= 4096) return 1;
  const pages = Math.ceil(bytes / 4096);
  let size = 1;
  while (size * 2 <= pages) size *= 2;
  return 128 * pages >= 181 * size ? size * 2 : size;
}
