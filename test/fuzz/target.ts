/** What a fuzz target is, and what all of them ask of varve's answers. */
import type fc from "fast-check";
import { VarveError } from "#errors";

/** One kind of input that varve reads from strangers. */
export interface Target {
  readonly name: string;
  /** How many inputs one seed makes. */
  readonly runs: number;
  /** True of every input. What it needs is made anew each time, and gone when it is done. */
  readonly property: () => fc.IRawProperty<unknown>;
}

/** What came of reading an input: something, or a refusal that is meant for people. */
export type Outcome<T> = { readonly value: T } | { readonly refused: VarveError };

/** A sentence that somebody is to read; a longer one quotes the input without a bound. */
const MAX_SENTENCE = 4000;

/** What came of some work. A failure that isn't a refusal of varve's is thrown on: it is a finding. */
export async function outcomeOf<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    if (error.message.length > MAX_SENTENCE) {
      throw new Error(`a refusal of ${error.message.length} characters: ${error.message.slice(0, 200)}…`);
    }
    return { refused: error };
  }
}
