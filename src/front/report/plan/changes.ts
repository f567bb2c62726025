/** What a Node project's changes cost: of its own code, and of one of its packages. */
import { pullsOf } from "#compare";
import { type ComponentKind, kindOf } from "#graph";
import type { ModelLayer, UnitSet, UpdateModel } from "#layering";
import { belowRoot, type ImagePlan } from "#plan";
import { type Engine, secondsOf } from "./engines.ts";

/** What an engine pulls when something has changed. */
export interface PullCost {
  /** Of the layers' tars. */
  readonly bytes: number;
  /** About how long it takes to unpack what it has to; a network's time comes on top. */
  readonly seconds: number;
}

/** What a change costs, on average. */
export interface ChangeCost {
  /** Bytes that a push sends, before compression. */
  readonly sent: number;
  /** Of the Docker Engine with a classic graph driver. */
  readonly docker: PullCost;
  readonly podman: PullCost;
  readonly containerd: PullCost;
}

/** The two changes that a Node project's developers ask about. */
export interface ProjectChanges {
  /** Of the project's own files; absent if there are none. */
  readonly code?: ChangeCost;
  /** Of a package, or of those of one repository, each as often as it is expected to change; absent without packages. */
  readonly dependency?: ChangeCost;
}

/** The units of a Node project's components of some kinds; in a store everything is a dependency. */
export function unitsOf(
  kinds: readonly ComponentKind[],
  { graph, model }: { graph: ImagePlan["graph"]; model: UpdateModel },
): UnitSet {
  const found = model.weights.empty();
  for (const { ids, units } of model.nodes) {
    if (!kinds.includes(kindOf(graph, ids[0]!))) continue;
    for (const [at, word] of units.entries()) found[at]! |= word;
  }
  return found;
}

/**
 * What changes of a Node project cost.
 * @param layers the plan's, from the bottom up
 */
export function projectChanges(
  plan: ImagePlan,
  { layers, model }: { layers: readonly ModelLayer[]; model: UpdateModel },
): ProjectChanges {
  const costOf = (...kinds: ComponentKind[]): ChangeCost | undefined =>
    changeCost(unitsOf(kinds, { graph: plan.graph, model }), {
      layers,
      model,
      below: belowRoot(plan, plan.groups),
    });
  const code = costOf("app") ?? costOf("workspace");
  const dependency = costOf("dependency");
  return { ...(code && { code }), ...(dependency && { dependency }) };
}

interface Layers {
  readonly layers: readonly ModelLayer[];
  readonly model: UpdateModel;
  /** How many layers are below that of the root, whose size isn't planned; undefined if there is none. */
  readonly below: number | undefined;
}

/** The mean over units, by their weights; undefined if there are none. */
function changeCost(units: UnitSet, { layers, model, below }: Layers): ChangeCost | undefined {
  const total = model.weights.of(units);
  if (total === 0) return undefined;
  let [sent, chains, layersUnpacked] = [0, 0, 0];
  const own = layers.map((layer) => ({ bytes: layer.bytes, units: layer.units }));
  const inImage =
    below === undefined ? own : own.toSpliced(below, 0, { bytes: 0, units: model.weights.empty() });
  for (const [unit, weight] of model.weights.each.entries()) {
    if (!has(units, unit)) continue;
    const { byThemselves, fromLowest } = pullsOf(inImage, (layer) => has(layer.units, unit));
    sent += weight * bytesOf(byThemselves);
    chains += weight * bytesOf(fromLowest);
    layersUnpacked += weight * fromLowest.length;
  }
  const unpacked = { layers: layersUnpacked / total, bytes: chains / total };
  const pulled = (engine: Engine, bytes: number): PullCost => ({
    bytes: Math.floor(bytes / total),
    seconds: Number(secondsOf(engine, unpacked).toPrecision(2)),
  });
  return {
    sent: Math.floor(sent / total),
    docker: pulled("docker", chains),
    podman: pulled("podman", sent),
    containerd: pulled("containerd", sent),
  };
}

function has(units: UnitSet, unit: number): boolean {
  return (units[unit >> 5]! & (1 << (unit & 31))) !== 0;
}

function bytesOf(layers: readonly { readonly bytes: number }[]): number {
  return layers.reduce((sum, { bytes }) => sum + bytes, 0);
}
