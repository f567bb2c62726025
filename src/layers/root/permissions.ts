/** Rules for single paths: from globs to what `fs` applies. */
import type picomatch from "picomatch";
import { VarveError } from "#errors";
import { type LayerRecipe, listTree, type PermissionRule, pathIn, pathsOf, type TreeItem } from "#fs";

/** A rule as people write it. */
export interface PathRule extends Omit<PermissionRule, "path"> {
  /** A glob for absolute paths in the image; the slash it begins with may be left out. */
  readonly path: string;
}

/** A rule that can be applied, and that knows where it could match. */
export interface CompiledRule {
  readonly glob: string;
  readonly rule: PermissionRule;
  /** Whether it could match anything in the tree at `target`. */
  couldMatchIn(target: string): boolean;
}

// The same on every system; names that begin with a dot are treated like others.
const OPTIONS: picomatch.PicomatchOptions = { dot: true, nonegate: true, strictSlashes: true, posix: true };

/**
 * Compiles rules. `*` and `?` don't match a slash, `**` matches any number of folders, `{a,b}` and `[ab]` are as in a
 * shell; what is below a folder doesn't include the folder itself.
 * @throws VarveError `INVALID_SPEC` for an empty glob
 */
export async function compileRules(rules: readonly PathRule[]): Promise<CompiledRule[]> {
  if (rules.length === 0) return [];
  // Loaded only where there are rules.
  const { makeRe } = (await import("picomatch")).default;
  const body = (glob: string) => makeRe(glob, OPTIONS).source.replace(/^\^|\$$/g, "");
  return rules.map(({ path, ...fields }) => {
    const glob = path.replace(/^(?:\.?\/+)+|\/+$/g, "");
    if (glob === "" || glob === ".") {
      throw new VarveError(
        "INVALID_SPEC",
        `permissions has the path ${JSON.stringify(path)}, which names no file`,
      );
    }
    const segments = glob.split("/").map((segment) => segmentTest(segment, makeRe));
    // Braces and groups may hold slashes, and then segments say nothing.
    const exact = !/[{(]/.test(glob);
    return {
      glob: path,
      // Slashes in front may also be in braces.
      rule: { ...fields, path: new RegExp(`^(?:\\/${body(glob)}|(?=\\/)${body(path)})$`) },
      couldMatchIn(target) {
        if (!exact) return true;
        for (const [index, name] of target.split("/").slice(1).entries()) {
          const test = segments[index];
          if (test === undefined) return false;
          if (test === "any") return true;
          if (!test.test(name)) return false;
        }
        return true;
      },
    };
  });
}

function segmentTest(segment: string, makeRe: typeof picomatch.makeRe): RegExp | "any" {
  return segment.includes("**") ? "any" : makeRe(segment, OPTIONS);
}

/** The rules that could matter for a layer of these items. Others would only change its key in the cache. */
export function rulesFor(items: LayerRecipe["items"], rules: readonly CompiledRule[]): PermissionRule[] {
  return rules.filter((rule) => items.some((item) => couldMatch(rule, item))).map(({ rule }) => rule);
}

function couldMatch(rule: CompiledRule, item: LayerRecipe["items"][number]): boolean {
  return item.kind === "entry" ? rule.rule.path.test(item.entry.name) : rule.couldMatchIn(item.target);
}

/**
 * The globs that match nothing in the whole image. Trees are listed only if nothing else decides.
 * @throws VarveError what listing throws
 */
export function unmatchedGlobs(recipes: readonly LayerRecipe[], rules: readonly CompiledRule[]): string[] {
  const items = recipes.flatMap((recipe) => recipe.items);
  const inTree = ({ path }: PermissionRule, { source, target, exclude = [] }: TreeItem) =>
    path.test(target) ||
    pathsOf(listTree(source, { exclude }).names).some((name) => path.test(pathIn(target, name)));
  return rules
    .filter((each) => {
      const trees = items.filter((item) => item.kind === "tree").filter((item) => couldMatch(each, item));
      const inEntries = items.some((item) => item.kind === "entry" && couldMatch(each, item));
      return !inEntries && !trees.some((tree) => inTree(each.rule, tree));
    })
    .map(({ glob }) => glob);
}
