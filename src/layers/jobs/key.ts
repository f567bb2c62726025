/** What a job's result is known by. */
import { COMPRESSOR_FORMAT, layerKey } from "#cache";
import type { LayerJob, Outcome, RecipeJson } from "./schema.ts";

/**
 * A hash of everything that a job's result depends on, 64 hexadecimal digits: the content of its files, and not where they are,
 * or which image asks.
 */
export function jobKey(job: Pick<LayerJob, "kind" | "recipe" | "result"> & Partial<ScriptsPart>): string {
  const { kind, recipe, result, after, scripts, base } = job;
  return layerKey({
    job: kind,
    recipe: recipeParts(recipe),
    result: resultParts(result),
    compressor: COMPRESSOR_FORMAT,
    ...(kind === "scripts" && { after: after && recipeParts(after), scripts, base }),
  });
}

type ScriptsPart = Pick<Extract<LayerJob, { kind: "scripts" }>, "after" | "scripts" | "base">;

function resultParts({ mediaType, compression }: Outcome): object {
  return { mediaType, compression: { ...compression } };
}

function recipeParts({ items, permissions, ...fields }: RecipeJson): object {
  return {
    ...fields,
    owner: { ...fields.owner },
    permissions: permissions?.map((rule) => ({ ...rule, path: { ...rule.path } })),
    items: items.map((item) => {
      if (!("tree" in item)) return { ...item, entry: { ...item.entry } };
      const { at, modes, narHash, content } = item;
      return { at, modes, narHash, content };
    }),
  };
}
