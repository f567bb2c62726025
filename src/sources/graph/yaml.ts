/** Lock files in YAML. */
import { VarveError } from "#errors";

/**
 * The value of a YAML text: objects, lists and texts only, so that a version `1.10` stays what it is.
 * @throws VarveError `INVALID_GRAPH` with what is wrong and where
 */
export async function parseYaml(file: string, text: string): Promise<unknown> {
  // Most commands read no YAML, and loading what does takes them longer than all else.
  const { parse } = await import("yaml");
  try {
    return parse(text, { schema: "failsafe", logLevel: "error", prettyErrors: true });
  } catch (cause) {
    const [reason] = (cause as Error).message.split("\n");
    throw new VarveError("INVALID_GRAPH", `${file} is not valid YAML: ${reason?.replace(/:$/, "")}`, {
      cause,
    });
  }
}

/** The texts of a list; of anything else none. */
export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** A text; undefined for anything else. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
