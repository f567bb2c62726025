import type { LayerRecipe } from "#fs";
import { type CompiledRule, compileRules, encodeCapabilities, type PathRule, unmatchedGlobs } from "#root";
import type { ImageSpec } from "#spec";

/**
 * The rules of a spec.
 * @param secondsOf turns a time of the spec into seconds since 1970
 * @throws VarveError `INVALID_SPEC`
 */
export async function specRules(
  { permissions }: ImageSpec,
  secondsOf: (time: string) => number,
): Promise<CompiledRule[]> {
  const rules = permissions.map(({ path, mode, uid, gid, mtime, capabilities }): PathRule => {
    return {
      path,
      ...(mode !== undefined && { mode: Number.parseInt(mode, 8) }),
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
      ...(mtime !== undefined && { mtime: secondsOf(mtime) }),
      ...(capabilities !== undefined && { capabilities: encodeCapabilities(capabilities) }),
    };
  });
  return await compileRules(rules);
}

/**
 * Reports rules that match nothing, which are probably mistakes.
 * @param elsewhere the globs that match nothing in a layer without a recipe either; all by default
 */
export function noteUnmatched(
  recipes: readonly LayerRecipe[],
  {
    rules,
    elsewhere,
    tell,
  }: {
    rules: readonly CompiledRule[];
    elsewhere?: readonly string[];
    tell: (sentence: string) => void;
  },
): void {
  const open = rules.filter(({ glob }) => elsewhere?.includes(glob) ?? true);
  for (const glob of unmatchedGlobs(recipes, open)) {
    tell(`permissions has the path ${glob}, which matches nothing that is added to the image`);
  }
}
