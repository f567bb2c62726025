/** Rectangles for numbers: a treemap whose tiles are as near to squares as they get in one pass. */

/** In the units of the map's width and height. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A number smaller than this part of the sum is drawn as if it were that large, so that it can be seen and clicked. */
const SMALLEST = 1 / 1500;

/**
 * A tile for each number, in the numbers' order, with areas in their proportion; together they fill the map. The largest
 * is at the top left.
 * @param sizes 0 or more each
 */
export function treemap(sizes: readonly number[], map: { width: number; height: number }): Tile[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const least = total === 0 ? 1 : total * SMALLEST;
  const wanted = sizes.map((size) => Math.max(size, least));
  const scale = (map.width * map.height) / wanted.reduce((sum, size) => sum + size, 0);
  const areas = wanted.map((size) => size * scale);
  const order = [...areas.keys()].sort((a, b) => areas[b]! - areas[a]! || a - b);

  const tiles: Tile[] = new Array(sizes.length);
  let free: Tile = { x: 0, y: 0, ...map };
  for (let at = 0; at < order.length; ) {
    const side = Math.min(free.width, free.height);
    let count = 1;
    let sum = areas[order[at]!]!;
    let worst = worstRatio([sum], side);
    while (at + count < order.length) {
      const next = areas[order[at + count]!]!;
      const row = order.slice(at, at + count + 1).map((index) => areas[index]!);
      const ratio = worstRatio(row, side);
      if (ratio > worst) break;
      worst = ratio;
      sum += next;
      count++;
    }
    free = layRow(order.slice(at, at + count), { areas, sum, free, tiles });
    at += count;
  }
  return tiles;
}

/** How far the worst tile of a row along a side is from a square. */
function worstRatio(row: readonly number[], side: number): number {
  const sum = row.reduce((all, area) => all + area, 0);
  const depth = sum / side;
  return Math.max(...row.map((area) => Math.max(depth / (area / depth), area / depth / depth)));
}

interface Row {
  readonly areas: readonly number[];
  readonly sum: number;
  readonly free: Tile;
  readonly tiles: Tile[];
}

/** Lays a row along the shorter side of the free rectangle. @returns what is free after that */
function layRow(row: readonly number[], { areas, sum, free, tiles }: Row): Tile {
  const { x, y, width, height } = free;
  const upright = width >= height;
  const depth = sum / (upright ? height : width);
  let along = 0;
  for (const index of row) {
    const length = areas[index]! / depth;
    tiles[index] = upright
      ? { x, y: y + along, width: depth, height: length }
      : { x: x + along, y, width: length, height: depth };
    along += length;
  }
  return upright
    ? { x: x + depth, y, width: width - depth, height }
    : { x, y: y + depth, width, height: height - depth };
}
