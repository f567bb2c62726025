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
  /** The weight of each, if there is only one plane. */
  readonly #digit: number | undefined;

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
    this.#digit = planes.length === 1 ? planes[0]!.digit : undefined;
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

  /** The sum of the weights of the units in one word of a set. */
  ofWord(word: number, at: number): number {
    if (this.#digit !== undefined) return this.#digit * bitCount(word);
    let sum = 0;
    for (const { digit, bits } of this.#planes) sum += digit * bitCount(word & bits[at]!);
    return sum;
  }
}

/** How many words are counted before it is seen whether the others can matter. */
const STRETCH = 8;

/**
 * The words of a set that have bits, which in most graphs are few. The same memory is used for one set after the other, since this is done
 * for each node again and again.
 */
export class FilledWords {
  /** Which words these are, as far as `count`. */
  readonly places: Int32Array;
  readonly masks: Int32Array;
  count = 0;
  readonly #weights: UnitWeights;
  /** The weight of each word and all after it, once that was asked for. */
  readonly #left: Float64Array;
  #hasLeft = false;

  constructor(weights: UnitWeights) {
    this.#weights = weights;
    this.places = new Int32Array(weights.words);
    this.masks = new Int32Array(weights.words);
    this.#left = new Float64Array(weights.words + 1);
  }

  /**
   * Takes the words of a set, and returns itself.
   * @param first the first word that may have bits
   */
  fill(set: UnitSet, first = 0): this {
    let count = 0;
    for (let at = first; at < set.length; at++) {
      const mask = set[at]!;
      if (mask === 0) continue;
      this.places[count] = at;
      this.masks[count++] = mask;
    }
    this.count = count;
    this.#hasLeft = false;
    return this;
  }

  /** The sum of the weights of those that another set has, too. */
  weightIn(set: UnitSet): number {
    const { places, masks, count } = this;
    let sum = 0;
    for (let at = 0; at < count; at++) {
      const place = places[at]!;
      const word = set[place]! & masks[at]!;
      if (word !== 0) sum += this.#weights.ofWord(word, place);
    }
    return sum;
  }

  /** The same, if that is so much at least. Otherwise counting may end early, and what is returned is less than that, but no less than the sum. */
  weightInIf(set: UnitSet, atLeast: number): number {
    if (!this.#hasLeft) this.#addUp();
    const { places, masks, count } = this;
    let sum = 0;
    for (let at = 0; at < count; ) {
      const most = sum + this.#left[at]!;
      if (most < atLeast) return most;
      for (const end = Math.min(count, at + STRETCH); at < end; at++) {
        const place = places[at]!;
        const word = set[place]! & masks[at]!;
        if (word !== 0) sum += this.#weights.ofWord(word, place);
      }
    }
    return sum;
  }

  #addUp(): void {
    this.#left[this.count] = 0;
    for (let at = this.count - 1; at >= 0; at--) {
      this.#left[at] = this.#left[at + 1]! + this.#weights.ofWord(this.masks[at]!, this.places[at]!);
    }
    this.#hasLeft = true;
  }
}

/**
 * Adds all of `more` to `set`.
 * @param first the first word of `more` that may have bits
 */
export function addUnits(set: UnitSet, more: UnitSet, first = 0): void {
  for (let at = first; at < set.length; at++) set[at]! |= more[at]!;
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
