import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";

/** Reads an option that is a whole number. */
export function integer(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** Collects an option that may be given several times. */
export function list(text: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), text];
}

/** Collects paths, made absolute, of an option that may be given several times. */
export function pathList(text: string, previous: readonly string[] | undefined): readonly string[] {
  return list(resolve(text), previous);
}

/** Collects KEY=VALUE pairs of an option that may be given several times. */
export function pairs(
  text: string,
  previous: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new InvalidArgumentError("It must be KEY=VALUE.");
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}
