import type { Grouping, MoveOptions } from "./grouping.ts";

/** More sweeps find next to nothing. */
const SWEEPS = 4;

/**
 * Moves nodes to where they cost less, the largest first, until none wants to move or four sweeps are done. A node moves only
 * if that is strictly cheaper, so that plans of consecutive versions stay alike.
 */
export function settle(grouping: Grouping, options: MoveOptions = {}): void {
  const order = grouping.largestFirst();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = false;
    for (const node of order) if (grouping.move(node, options)) moved = true;
    if (!moved) return;
  }
}
