/**
 * How many nodes of a layer each unit touches. The counts are kept digit by digit, each binary digit of all of them as a row of bits, so
 * that 32 are changed at a time: a node of a store may have thousands of units.
 */
import type { FilledWords, UnitSet, UnitWeights } from "../unit-sets.ts";

/** The units that touch a layer, counted. */
export class Touching {
  /** The units that touch any of its nodes. */
  readonly any: UnitSet;
  /** The units that touch exactly one of its nodes. */
  readonly once: UnitSet;
  readonly #weights: UnitWeights;
  /** The counts' digits, that of the ones first. */
  readonly #digits: UnitSet[] = [];

  constructor(weights: UnitWeights) {
    this.#weights = weights;
    this.any = weights.empty();
    this.once = weights.empty();
  }

  /** Counts a node's units. */
  add({ places, masks, count }: FilledWords): void {
    for (let at = 0; at < count; at++) {
      const [place, units] = [places[at]!, masks[at]!];
      for (let digit = 0, carry = units; carry !== 0; digit++) {
        if (digit === this.#digits.length) this.#digits.push(this.#weights.empty());
        const row = this.#digits[digit]!;
        const before = row[place]!;
        row[place] = before ^ carry;
        carry &= before;
      }
      const touched = this.any[place]!;
      this.once[place] = (this.once[place]! & ~units) | (units & ~touched);
      this.any[place] = touched | units;
    }
  }

  /** Takes a node's units, which were counted, away again. */
  remove({ places, masks, count }: FilledWords): void {
    for (let at = 0; at < count; at++) {
      const [place, units] = [places[at]!, masks[at]!];
      let more = 0;
      for (let digit = 0, borrow = units; digit < this.#digits.length; digit++) {
        const row = this.#digits[digit]!;
        const before = row[place]!;
        row[place] = before ^ borrow;
        borrow &= ~before;
        if (digit > 0) more |= row[place]!;
      }
      const odd = this.#digits[0]![place]!;
      this.once[place] = odd & ~more;
      this.any[place] = odd | more;
    }
  }
}
