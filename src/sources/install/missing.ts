/** Packages that can't be made for a platform here, and why. */
import { VarveError } from "#errors";
import { isInstalled, type NodePlatform, type ReferencesGraph } from "#graph";
import { makesNatives } from "./downloaders.ts";
import { hasNative, type Merged, nativesOf } from "./merge.ts";
import type { Package } from "./package.ts";
import { prebuildsIn } from "./prebuilds.ts";
import { platformName } from "./target.ts";

export interface MissingOptions {
  readonly platform: NodePlatform;
  /** What is installed here. */
  readonly here: ReferencesGraph;
  readonly herePackages: readonly Package[];
  /** By id: why nothing could be fetched. */
  readonly failures: ReadonlyMap<string, string>;
}

/** A package that isn't whole on a platform. */
export interface Missing {
  readonly id: string;
  /** With its version. */
  readonly name: string;
  readonly why: string;
}

/** Which of a graph's packages need machine code that they don't have for the platform. */
export function missingNatives(
  graph: ReferencesGraph,
  packages: readonly Merged[],
  { platform, here, herePackages, failures }: MissingOptions,
): Missing[] {
  const byName = new Map(packages.map((each) => [each.component.name, each]));
  const pickyHere = new Set(
    herePackages.filter(({ isPicky }) => isPicky).map(({ component }) => component.id),
  );
  const where = platformName(platform);
  const missing: Missing[] = [];
  for (const each of packages) {
    const { id, name = id, version } = each.component;
    if (!graph.components.has(id)) continue;
    const add = (why: string) => missing.push({ id, name: version ? `${name}@${version}` : name, why });
    const choices = [...each.optional].map((option) => byName.get(option)).filter((found) => found?.isPicky);
    if (choices.some((choice) => choice!.fits(platform))) continue;
    const chosenHere = (here.components.get(id)?.references ?? [])
      .filter((reference) => pickyHere.has(reference))
      .map((reference) => here.components.get(reference)!.name!)
      .find((chosen) => each.optional.has(chosen));
    // One alone is an extra for one system, such as what watches files on macOS.
    if (chosenHere !== undefined && each.optional.size > 1) {
      add(`the lock file has ${chosenHere} for this machine, and nothing of the kind for ${where}`);
      continue;
    }
    const needs = each.hasGyp || makesNatives(each.script) || each.madeHere.length > 0;
    if (!needs || prebuildsIn(each.folder, platform).fits || hasNative(nativesOf(each), platform)) continue;
    const command = each.script === "" ? "node-gyp rebuild" : each.script;
    add(
      failures.get(id) ??
        `\`${command}\`, which makes ${each.madeHere[0]?.path ?? "its files"}, can't be asked for another platform`,
    );
  }
  return missing;
}

/** What is needed by something that can't do without. */
export function requiredIds(graph: ReferencesGraph, packages: readonly Merged[]): ReadonlySet<string> {
  const byId = new Map(packages.map((each) => [each.component.id, each]));
  const required = new Set([...graph.components.keys()].filter((id) => !isInstalled(id)));
  const queue = [...required];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    const optional = byId.get(id)?.optional;
    for (const reference of graph.components.get(id)?.references ?? []) {
      const { name } = graph.components.get(reference)!;
      if (required.has(reference) || (name !== undefined && optional?.has(name))) continue;
      required.add(reference);
      queue.push(reference);
    }
  }
  return required;
}

/** One failure for all that is missing. */
export function missingError(missing: readonly Missing[], platform: NodePlatform): VarveError {
  const list = missing.map(({ name, why }) => `${name} (${why})`).join("; ");
  const count = missing.length === 1 ? "a package" : `${missing.length} packages`;
  return new VarveError(
    "UNSUPPORTED_PLATFORM",
    `${count} can't be made for ${platformName(platform)} here: ${list}; take versions that bring files for it, let what fetches them reach where they are, leave out what isn't needed with "exclude", or build on that platform`,
  );
}
