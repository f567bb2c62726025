/**
 * Exact sums of large numbers over sets of ancestors. A number is cut into planes of 32 bits, and a plane's
 * sums are made in doubles, which hold sums of up to 2^21 such parts exactly.
 */

const PLANE_BITS = 32;
const PLANE_DIGITS = PLANE_BITS / 4;
const PLANE_SIZE = 2 ** PLANE_BITS;

/** More nodes than this can't be summed exactly. */
export const MAX_NODES = 2 ** 21;

/** An acyclic graph: `children[n]` are all greater than `n`. */
export type OrderedGraph = readonly (readonly number[])[];

/**
 * For each node the sum of the weights of all nodes from which it can be reached, itself among them.
 *
 * Ancestors are taken 32 at a time: one pass over the edges tells which of the 32 reach which node, as bits of
 * one number, and tables of the sums of 8 weights turn the bits into sums. So memory grows with the graph only, and
 * time with edges × nodes / 32.
 */
export function sumsOverAncestors(children: OrderedGraph, weights: readonly bigint[]): bigint[] {
  const count = children.length;
  const planes = toPlanes(weights);
  const sums = planes.map(() => new Float64Array(count));
  const reached = new Int32Array(count);
  const table = new Float64Array(4 * 256);
  for (let first = 0; first < count; first += 32) {
    markReached(children, reached, first);
    for (const [at, plane] of planes.entries()) {
      if (fillTable(table, plane, first)) addSums(sums[at]!, { table, reached, first });
    }
  }
  return fromPlanes(sums, count);
}

/** Sets bit b of `reached[n]` if n can be reached from node `first + b`, for nodes from `first` on. */
function markReached(children: OrderedGraph, reached: Int32Array, first: number): void {
  const count = children.length;
  reached.fill(0, first);
  for (let bit = 0; bit < 32 && first + bit < count; bit++) reached[first + bit] = 1 << bit;
  for (let node = first; node < count; node++) {
    const bits = reached[node]!;
    if (bits === 0) continue;
    const below = children[node]!;
    for (let at = 0; at < below.length; at++) reached[below[at]!]! |= bits;
  }
}

/** Sums of all subsets of the 32 parts from `first` on, by eights. False if all parts are 0. */
function fillTable(table: Float64Array, plane: Float64Array, first: number): boolean {
  let any = false;
  for (let eight = 0; eight < 4; eight++) {
    for (let subset = 1; subset < 256; subset++) {
      const lowest = 31 - Math.clz32(subset & -subset);
      const part = plane[first + eight * 8 + lowest] ?? 0;
      if (part !== 0) any = true;
      table[eight * 256 + subset] = table[eight * 256 + (subset & (subset - 1))]! + part;
    }
  }
  return any;
}

function addSums(
  sums: Float64Array,
  { table, reached, first }: { table: Float64Array; reached: Int32Array; first: number },
): void {
  for (let node = first; node < sums.length; node++) {
    const bits = reached[node]!;
    if (bits === 0) continue;
    sums[node]! +=
      table[bits & 255]! +
      table[256 + ((bits >>> 8) & 255)]! +
      table[512 + ((bits >>> 16) & 255)]! +
      table[768 + (bits >>> 24)]!;
  }
}

/** The least significant plane first. Goes by way of hexadecimal digits, which costs time linear in their number. */
function toPlanes(numbers: readonly bigint[]): Float64Array[] {
  const planes: Float64Array[] = [];
  for (const [node, number] of numbers.entries()) {
    const digits = number.toString(16);
    for (let at = 0, end = digits.length; end > 0; at++, end -= PLANE_DIGITS) {
      planes[at] ??= new Float64Array(numbers.length);
      planes[at]![node] = Number.parseInt(digits.slice(Math.max(0, end - PLANE_DIGITS), end), 16);
    }
  }
  return planes;
}

function fromPlanes(planes: readonly Float64Array[], count: number): bigint[] {
  const numbers: bigint[] = [];
  for (let node = 0; node < count; node++) {
    let digits = "";
    let carry = 0;
    for (const plane of planes) {
      const part = plane[node]! + carry;
      carry = Math.floor(part / PLANE_SIZE);
      digits = (part % PLANE_SIZE).toString(16).padStart(PLANE_DIGITS, "0") + digits;
    }
    numbers.push(BigInt(`0x${carry.toString(16)}${digits}`));
  }
  return numbers;
}
