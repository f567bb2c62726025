/** Lock files in YAML. */
import { VarveError } from "#errors";
import { parsePlainYaml } from "./plain-yaml.ts";

/**
 * The value of a YAML text: objects, lists and texts only, so that a version `1.10` stays what it is.
 * @throws VarveError `INVALID_GRAPH` with what is wrong and where
 */
export async function parseYaml(file: string, text: string): Promise<unknown> {
  const plain = text.startsWith("{") ? parseJsonText(text) : parsePlainYaml(text);
  if (plain !== undefined) return plain;
  // Most commands read no such YAML, and loading what does takes them longer than all else.
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

/** JSON, which is YAML, too, and which pnpm writes its state in; undefined for anything else. */
function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text, (_, value) =>
      typeof value === "object" && value !== null ? value : String(value),
    );
  } catch {
    return undefined;
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
