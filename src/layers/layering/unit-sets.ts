/**
 * Sets of units as rows of bits, and the sums of their weights. Sums are of integers below 2^53 and so are exact.
 */
import { VarveError } from "#errors";

/** A set of units: bit `u % 32` of word `u / 32` stands for unit `u`. */
export type UnitSet = Int32Array;

/** The weights of units, and what they make of sets. */
export class UnitWeights {
  /** The weight of each unit, a positive integer. */
  readonly each: readonly number[];
  /** The sum of all weights. */
  readonly total: number;
  /** How many words a set has. */
  readonly words: number;
  /**
   * The weights by their binary digits: bit u of a plane is set if unit u's weight has the plane's digit. So the weight of a
   * set is the sum over all planes of digit × number of bits that the set and the plane share. Usually all weights are 1,
   * and there is only one plane.
   */
  readonly #planes: readonly { readonly digit: number; readonly bits: UnitSet }[];

  /** @param weights of each unit, a positive integer. */
  constructor(weights: readonly number[]) {
    this.each = weights;
    this.words = Math.ceil(weights.length / 32);
    this.total = weights.reduce((sum, weight) => sum + weight, 0);
    const planes: { digit: number; bits: UnitSet }[] = [];
    for (let digit = 1; weights.some((weight) => weight >= digit); digit *= 2) {
      const bits = this.empty();
      for (const [unit, weight] of weights.entries()) {
        if (Math.floor(weight / digit) % 2 === 1) bits[unit >> 5]! |= 1 << (unit & 31);
      }
      if (bits.some((word) => word !== 0)) planes.push({ digit, bits });
    }
    this.#planes = planes;
  }

  empty(): UnitSet {
    return new Int32Array(this.words);
  }

  /** The sum of the weights of a set. */
  of(set: UnitSet): number {
    let sum = 0;
    for (const { digit, bits } of this.#planes) {
      let count = 0;
      for (let at = 0; at < set.length; at++) count += bitCount(set[at]! & bits[at]!);
      sum += digit * count;
    }
    return sum;
  }

  /** The sum of the weights of those in `set` that aren't in `other`. */
  ofDifference(set: UnitSet, other: UnitSet): number {
    let sum = 0;
    for (const { digit, bits } of this.#planes) {
      let count = 0;
      for (let at = 0; at < set.length; at++) count += bitCount(set[at]! & ~other[at]! & bits[at]!);
      sum += digit * count;
    }
    return sum;
  }

  /**
   * A function that says what the weight is of what another set shares with this one. Only the words that the set has
   * bits in are looked at, and in most graphs these are few.
   */
  sharedWith(set: UnitSet): (other: UnitSet) => number {
    const planes = this.#planes.map(({ digit, bits }) => ({ digit, ...wordsOf(set, bits) }));
    return (other) => {
      let sum = 0;
      for (const { digit, places, masks } of planes) {
        let count = 0;
        for (let at = 0; at < places.length; at++) count += bitCount(other[places[at]!]! & masks[at]!);
        sum += digit * count;
      }
      return sum;
    };
  }
}

/** The words of a set and a plane that have bits in common, and which words these are. Simple loops, since this is done for each node. */
function wordsOf(set: UnitSet, bits: UnitSet): { places: Int32Array; masks: Int32Array } {
  let count = 0;
  for (let at = 0; at < set.length; at++) if ((set[at]! & bits[at]!) !== 0) count++;
  const [places, masks] = [new Int32Array(count), new Int32Array(count)];
  for (let at = 0, next = 0; next < count; at++) {
    const mask = set[at]! & bits[at]!;
    if (mask === 0) continue;
    places[next] = at;
    masks[next++] = mask;
  }
  return { places, masks };
}

/** Adds all of `more` to `set`. */
export function addUnits(set: UnitSet, more: UnitSet): void {
  for (let at = 0; at < set.length; at++) set[at]! |= more[at]!;
}

/** Calls a function with the number of each unit of a set, in order. */
export function forEachUnit(set: UnitSet, act: (unit: number) => void): void {
  for (let at = 0; at < set.length; at++) {
    for (let word = set[at]!; word !== 0; word &= word - 1) act(at * 32 + (31 - Math.clz32(word & -word)));
  }
}

/** How many bits of a word are set: pairs, nibbles and bytes are added up side by side. */
function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Checks a weight that the user gave. */
export function checkWeight(unit: string, weight: number): number {
  if (Number.isSafeInteger(weight) && weight >= 1) return weight;
  throw new VarveError(
    "USAGE",
    `the weight of ${unit} is ${weight}, but it must be a whole number of 1 or more`,
  );
}
