/** The layers of the last build, and which of them a grouping still has. */
import { compareNames } from "#util";
import { versionOf } from "../key.ts";
import { type Layout, nameIn } from "../layout.ts";
import type { PlanInput } from "../plan.ts";
import { layerHash, stateHash } from "../short-layout.ts";
import { pagesOfAll } from "../steady/grouping.ts";
import { idsOf, type ModelLayer, type ModelNode, type UpdateModel } from "../update-model.ts";

/** Of one layer: what it is compared with, and how much of that differs. */
interface LastLayer {
  /** The nodes that it had, as far as these have the versions that they had. */
  readonly same: ReadonlySet<number>;
  /** Members that are gone or have another version, so that it can't be had again. */
  readonly lost: number;
}

/** What of the last build is there already, by the places of its layers. */
export class LastLayers {
  /** The layer in which each node was, if any of its components was in one. */
  readonly homes: ReadonlyMap<number, number>;
  /** Whether all that can be seen of the image is as it was. */
  readonly isUnchanged: boolean;
  readonly #layers: readonly LastLayer[];
  readonly #nodes: readonly ModelNode[];
  readonly #isKnown: (nodes: readonly ModelNode[]) => boolean;
  /** How many members each layer lacks, has too many, or has in another version. */
  readonly #wrong: Int32Array;

  constructor(layout: Layout, { graph, model }: Pick<PlanInput, "graph"> & { model: UpdateModel }) {
    const { layers, hashes } = layout;
    const stateOf = hashes === undefined ? versionOf : stateHash;
    const versionsOf = ({ ids }: ModelNode): [string, string][] =>
      ids.map((id) => [nameIn(layout, model.keys.get(id)!), stateOf(graph.components.get(id)!)]);
    const layerOfKey = new Map(layers.flatMap((layer, at) => [...layer.keys()].map((key) => [key, at])));
    const homes = new Map<number, number>();
    const same = layers.map(() => new Set<number>());
    const kept = layers.map(() => 0);
    let known = 0;
    for (const [number, node] of model.nodes.entries()) {
      const members = versionsOf(node);
      // The members of a cycle stay together, with the first of them that was there before.
      const at = members.map(([key]) => layerOfKey.get(key)).find((found) => found !== undefined);
      if (at === undefined) continue;
      homes.set(number, at);
      if (!members.every(([key, version]) => layers[at]!.get(key) === version)) continue;
      known += members.length;
      if (members.some(([, version]) => version === "")) continue;
      same[at]!.add(number);
      kept[at]! += members.length;
    }
    this.homes = homes;
    this.#nodes = model.nodes;
    const before = layers.reduce((sum, layer) => sum + layer.size, 0);
    const now = model.nodes.reduce((sum, { ids }) => sum + ids.length, 0);
    this.isUnchanged = known === before && known === now;
    this.#layers = layers.map((layer, at) => ({
      same: same[at]!,
      lost: layer.size - kept[at]!,
    }));
    if (hashes === undefined) {
      const whole = layers.filter((layer) => ![...layer.values()].includes(""));
      const known = new Set(whole.map((layer) => signature([...layer])));
      this.#isKnown = (nodes) => known.has(signature(nodes.flatMap(versionsOf)));
    } else {
      const known = new Set(hashes);
      this.#isKnown = (nodes) => {
        const hash = layerHash(idsOf({ nodes }, model), graph);
        return hash !== undefined && known.has(hash);
      };
    }
    this.#wrong = Int32Array.from(this.#layers, ({ lost, same }) => lost + same.size);
  }

  /** The nodes that are left of each layer. */
  groups(): ModelNode[][] {
    const groups: ModelNode[][] = this.#layers.map(() => []);
    for (const [node, layer] of this.homes) groups[layer]!.push(this.#nodes[node]!);
    return groups.filter((group) => group.length > 0);
  }

  /** Tells that a node is in a layer now. */
  add(node: number, layer: number): void {
    if (layer >= this.#layers.length) return;
    this.#wrong[layer]! += this.#layers[layer]!.same.has(node) ? -1 : 1;
  }

  /** Tells that a node isn't in a layer any more. */
  remove(node: number, layer: number): void {
    if (layer >= this.#layers.length) return;
    this.#wrong[layer]! -= this.#layers[layer]!.same.has(node) ? -1 : 1;
  }

  /** Whether a layer is there as it is now: no member is missing, foreign, or in another version. */
  isThere(layer: number): boolean {
    return this.#wrong[layer] === 0 && this.#layers[layer]!.same.size > 0;
  }

  /** Whether a layer would be there with one node more. */
  wouldBeThere(layer: number, node: number): boolean {
    return this.#wrong[layer] === 1 && this.#layers[layer]!.same.has(node);
  }

  /** The pages of those layers that the last build didn't have. */
  pagesToSend(layers: readonly Pick<ModelLayer, "nodes">[]): number {
    return layers.reduce((sum, { nodes }) => (this.#isKnown(nodes) ? sum : sum + pagesOfAll(nodes)), 0);
  }
}

function signature(entries: readonly (readonly [string, string])[]): string {
  return JSON.stringify([...entries].sort(([a], [b]) => compareNames(a, b)));
}
