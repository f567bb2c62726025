/** Faults of files that are never loaded, since the same package has others of which it takes one that fits. */
import type { Fault } from "../findings.ts";
import { isForSystem, namesPlatform, packageOf, withoutPlatform } from "./platforms.ts";

/** A file that is loaded, and what is wrong with it. */
export interface ElfReport {
  readonly path: string;
  readonly faults: readonly Fault[];
}

/**
 * The faults that count. A package may come with files for several systems, processors, C libraries and versions of Node.js, in
 * folders, files or further packages that are named after these, and choose when it runs: then it is enough that one of them can be
 * loaded. Of a package that has only files for others it can't be told what it does without.
 */
export function withoutAlternatives(reports: readonly ElfReport[]): Fault[] {
  const good = reports.filter(({ faults }) => faults.length === 0);
  const goodNames = new Set(good.map(({ path }) => withoutPlatform(path)));
  const goodPackages = new Set(good.flatMap(({ path }) => groupOf(path) ?? []));
  return reports.flatMap(({ path, faults }) => {
    if (faults.length === 0) return [];
    const group = groupOf(path);
    if (group === undefined) return faults;
    if (namesPlatform(path) && goodNames.has(withoutPlatform(path))) return [];
    const { rest } = packageOf(path)!;
    const isChosen = namesPlatform(rest.replace(/[^/]*$/, (name) => name.replace(/\.node$/, "")));
    if (isChosen && goodPackages.has(group)) return [];
    const isWhole = isForSystem(packageOf(path)!.folder.replace(/^.*\/node_modules\//, ""));
    return isChosen && !isWhole
      ? faults.map((fault) => ({ ...fault, severity: "warning" as const }))
      : faults;
  });
}

/** A package, or those that are one package for several platforms; only addons and programs of packages are chosen from. */
function groupOf(path: string): string | undefined {
  const found = packageOf(path);
  return found && withoutPlatform(found.folder);
}
