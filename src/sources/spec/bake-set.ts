/** Values of targets that are given on the command line. */
import { VarveError } from "#errors";
import { isFields } from "./read.ts";
import { specJsonSchema } from "./spec.ts";

/** A target's fields, not yet checked. */
export type RawTarget = Readonly<Record<string, unknown>>;

/** Lists that are written with commas. */
const LISTS: ReadonlySet<string> = new Set(["tags", "platforms"]);

/** What `TARGET.KEY=VALUE` does to a target; the target may have stars in its name. */
export function changeOf(
  text: string,
  targets: readonly string[],
): (name: string, target: RawTarget) => RawTarget {
  const [, pattern, key, value] = /^([A-Za-z0-9_*.-]+?)\.([A-Za-z_$][^=]*)=(.*)$/s.exec(text) ?? [];
  if (pattern === undefined) {
    throw new VarveError("USAGE", `--set ${text} isn't TARGET.KEY=VALUE, such as api.tag=1.2.3`);
  }
  const isMeant = new RegExp(`^${pattern.split("*").map(escaped).join(".*")}$`);
  if (!targets.some((name) => isMeant.test(name))) {
    throw new VarveError("USAGE", `--set ${text} is about ${pattern}, and there is no such target`);
  }
  const path = key!.split(".");
  return (name, target) => (isMeant.test(name) ? changed(target, path, parsed(path[0]!, value!)) : target);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function changed(target: RawTarget, [key = "", ...more]: readonly string[], value: unknown): RawTarget {
  if (more.length === 0) return { ...target, [key]: value };
  const inner = target[key];
  return { ...target, [key]: changed(isFields(inner) ? (inner as RawTarget) : {}, more, value) };
}

/** Numbers, truth values, lists and objects as JSON has them, where the field isn't one for texts. */
function parsed(key: string, text: string): unknown {
  if (LISTS.has(key)) return text.split(",").filter((each) => each !== "");
  if (!NOT_TEXTS.has(key)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The spec's fields that aren't texts. */
const NOT_TEXTS: ReadonlySet<string> = new Set(
  Object.entries((specJsonSchema() as { properties: Record<string, { type?: unknown }> }).properties)
    .filter(([, { type }]) => type !== "string")
    .map(([name]) => name),
);
