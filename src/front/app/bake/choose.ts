/** Which of several things names mean. */
import { VarveError } from "#errors";
import { nearest, sortNames } from "#util";

interface Named {
  readonly name: string;
  readonly aliases?: readonly string[];
}

/**
 * Those that are named, in their own order; all without names.
 * @throws VarveError `USAGE` for a name that none has
 */
export function chosen<T extends Named>(
  all: readonly T[],
  names: readonly string[],
  { where, what }: { readonly where: string; readonly what: string },
): T[] {
  const has = (each: T, name: string) => each.name === name || (each.aliases?.includes(name) ?? false);
  const unknown = names.find((name) => !all.some((each) => has(each, name)));
  if (unknown === undefined) {
    return names.length === 0 ? [...all] : all.filter((each) => names.some((name) => has(each, name)));
  }
  const known = sortNames(all.map(({ name }) => name));
  const close = nearest(unknown, known);
  const hint = close === undefined ? `; there are ${shortList(known)}` : `; did you mean ${close}?`;
  throw new VarveError("USAGE", `${where} has no ${what} that is called ${unknown}${hint}`);
}

/** Some of many names. */
export function shortList(names: readonly string[]): string {
  const more = names.length - 10;
  return `${names.slice(0, 10).join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}
