/** Variables in a file with targets: `${NAME}` in texts. */
import { VarveError } from "#errors";

/** What a file says of a variable. */
type Declared = string | { readonly default?: string | undefined };

/** The values of variables: the environment's, or else the default; undefined for one that has neither. */
export function variableValues(
  variables: Readonly<Record<string, Declared>>,
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string | undefined> {
  return new Map(
    Object.entries(variables).map(([name, declared]) => [
      name,
      environment[name] ?? (typeof declared === "string" ? declared : declared.default),
    ]),
  );
}

/** A dollar sign before it says that it stands for itself. */
const VARIABLE = /\$?\$\{([^{}]*)\}/g;

export interface FillOptions {
  readonly values: ReadonlyMap<string, string | undefined>;
  /** Names what has the texts, in errors. */
  readonly what: string;
}

/**
 * A JSON value, in whose texts values stand for variables; the names of fields stay as they are.
 * @throws VarveError `INVALID_SPEC` for a variable that the file doesn't have; `USAGE` for one without a value
 */
export function filledIn<T>(value: T, options: FillOptions): T {
  if (typeof value === "string") return filledText(value, options) as T;
  if (Array.isArray(value)) return value.map((each) => filledIn(each, options)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filledIn(each, options)])) as T;
}

function filledText(text: string, { values, what }: FillOptions): string {
  return text.replace(VARIABLE, (found, name: string) => {
    if (found.startsWith("$$")) return found.slice(1);
    const value = values.get(name);
    if (value !== undefined) return value;
    if (!values.has(name)) {
      throw new VarveError(
        "INVALID_SPEC",
        `${what} has ${found}, and there is no such variable; declare it under "variable", or write $${found} for the text itself`,
      );
    }
    throw new VarveError(
      "USAGE",
      `${what} needs a value of ${name}; set it in the environment, or give it a default`,
    );
  });
}
