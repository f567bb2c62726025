import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";

/** Reads an option that is a whole number. */
export function integer(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** Reads an option that is a time of at least one second and at most a day. */
export function seconds(text: string): number {
  const value = integer(text);
  if (value < 1 || value > 86_400) throw new InvalidArgumentError("It must be from 1 to 86400.");
  return value;
}

/** What other tools take as one, a name with a tag behind it. */
const NAME_AND_TAG = /^([^@]*?):([^:/@]*)$/;

/** Reads an option that is an image's name without a tag. */
export function nameAlone(text: string): string {
  const [, name, tag] = NAME_AND_TAG.exec(text) ?? [];
  if (tag === undefined) return text;
  throw new InvalidArgumentError(`It is the name alone: --name ${name} --tag ${tag}.`);
}

/** Reads an option that is an image's tag without a name. */
export function tagAlone(text: string): string {
  const [, name, tag] = NAME_AND_TAG.exec(text) ?? [];
  if (tag === undefined) return text;
  throw new InvalidArgumentError(`It is the tag alone: --name ${name} --tag ${tag}.`);
}

const POWERS = ["", "k", "m", "g", "t"];

/** Reads an option that is a number of bytes, which may have a decimal unit after it, as varve shows sizes. */
export function byteCount(text: string): number {
  const [, digits, unit = ""] = /^(\d{1,15}) ?([kmgt]?)b?$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1000 ** POWERS.indexOf(unit.toLowerCase());
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError("It must be a number of bytes, or one with a unit, such as 500MB or 100GB.");
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

/** The option that makes a command's output one for programs. */
export function jsonOption(): Option {
  return new Option("--json", "print the result, or why there is none, as JSON, for programs");
}
