import type { ExtraCost, Grouping } from "./grouping.ts";

/** More sweeps find next to nothing. */
const SWEEPS = 4;

export interface SettleOptions {
  /** What the layers' cost counts, beside the extra cost. */
  readonly factor?: number;
  readonly extra?: ExtraCost;
  /** Is told of each node that was taken out of its layer. */
  readonly onTaken?: (node: number, layer: number) => void;
  /** Is told of each node that was put into one. */
  readonly onPut?: (node: number, layer: number) => void;
}

/**
 * Moves nodes to where they cost less, the largest first, until none wants to move or four sweeps are done. A node moves only
 * if that is strictly cheaper, so that plans of consecutive versions stay alike.
 */
export function settle(grouping: Grouping, { factor = 1, extra, onTaken, onPut }: SettleOptions = {}): void {
  const order = grouping.largestFirst();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = false;
    for (const node of order) {
      const from = grouping.layers[node]!;
      grouping.remove(node);
      onTaken?.(node, from);
      const to = grouping.cheapest(node, { factor, extra, first: from });
      grouping.add(node, to);
      onPut?.(node, to);
      moved ||= to !== from;
    }
    if (!moved) return;
  }
}
