/** Lock files in YAML. */
import { VarveError } from "#errors";

/**
 * The value of a YAML text: objects, lists and texts only, so that a version `1.10` stays what it is.
 * @throws VarveError `INVALID_GRAPH` with what is wrong and where
 */
export async function parseYaml(file: string, text: string): Promise<unknown> {
  // It has no document, which whoever asks knows what to make of.
  if (text.trim() === "") return null;
  // Most commands read no YAML, and loading what reads it takes them longer than all else.
  const { FAILSAFE_SCHEMA, load, YAMLException } = await import("js-yaml");
  try {
    return load(text, { schema: FAILSAFE_SCHEMA });
  } catch (cause) {
    if (!(cause instanceof YAMLException)) throw cause;
    const { reason, mark } = cause;
    const where = mark ? ` at line ${mark.line + 1}` : "";
    throw new VarveError("INVALID_GRAPH", `${file} is not valid YAML: ${reason}${where}`, { cause });
  }
}

/** The texts of a list; of anything else none. */
export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** What a package says of where it can be used, `os` and its like: a list, or one text. */
export function picks(value: unknown): readonly string[] | undefined {
  return typeof value === "string" ? [value] : Array.isArray(value) ? strings(value) : undefined;
}

/** A text; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
