import { compareNames } from "#util";
import { addUnits } from "./unit-sets.ts";
import type { ModelLayer, UpdateModel } from "./update-model.ts";

/**
 * The order of layers from bottom to top: what changes seldom and is large comes first. It matters to the classic
 * storage drivers of the Docker Engine, which fetch everything above the first layer that changed once more.
 *
 * In each step the layer comes next that adds the least weight per byte to what touches the layers so far; among equals the
 * one with more bytes, then the one with the smallest key.
 */
export function orderLayers(layers: readonly ModelLayer[], { weights }: UpdateModel): ModelLayer[] {
  const waiting = layers.map((layer) => ({ layer, bytes: BigInt(Math.max(layer.bytes, 1)), added: 0n }));
  const covered = weights.empty();
  const ordered: ModelLayer[] = [];
  while (waiting.length > 0) {
    for (const entry of waiting) entry.added = BigInt(weights.ofDifference(entry.layer.units, covered));
    let best = 0;
    for (let at = 1; at < waiting.length; at++) if (isBefore(waiting[at]!, waiting[best]!)) best = at;
    const [{ layer }] = waiting.splice(best, 1) as [Entry];
    ordered.push(layer);
    addUnits(covered, layer.units);
  }
  return ordered;
}

interface Entry {
  readonly layer: ModelLayer;
  /** A layer without bytes counts as one of 1 byte, so that it has a ratio. */
  readonly bytes: bigint;
  added: bigint;
}

function isBefore(a: Entry, b: Entry): boolean {
  // a.added / a.bytes < b.added / b.bytes, without a fraction.
  const [left, right] = [a.added * b.bytes, b.added * a.bytes];
  if (left !== right) return left < right;
  if (a.bytes !== b.bytes) return a.bytes > b.bytes;
  return compareNames(a.layer.nodes[0]!.key, b.layer.nodes[0]!.key) < 0;
}
