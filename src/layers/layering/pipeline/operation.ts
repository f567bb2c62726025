/** What an operation is, and checks of its arguments that several share. */
import { VarveError } from "#errors";
import type { Value } from "./value.ts";

/** Turns a value into another one. Throws INVALID_PIPELINE for a value that it can't work on. */
export type Operation = (value: Value) => Value;

/** Where an operation stands in the pipeline, and what reads those within it. */
export interface Context {
  /** The operation, for messages: `the layering pipeline's step 2, "over",`. */
  readonly where: string;
  /** Reads one operation within this one. */
  readonly parse: (step: unknown) => Operation;
  /** Reads a list of operations within this one. */
  readonly parseAll: (steps: unknown) => Operation;
}

/** A kind of operation, by the name that a pipeline calls it. */
export interface OperationKind {
  readonly name: string;
  /** How many arguments follow the name. */
  readonly arity: number;
  /** How it is written, for messages. */
  readonly usage: string;
  /** The operation with these arguments, of which there are `arity`; undefined if they make no sense. */
  parse(args: readonly unknown[], context: Context): Operation | undefined;
}

/** Whether a value is a list of strings. */
export function isPaths(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((path) => typeof path === "string");
}

/** Whether a value is an integer of 1 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

export function invalid(sentence: string): VarveError {
  return new VarveError("INVALID_PIPELINE", sentence);
}
