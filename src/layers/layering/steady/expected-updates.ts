/**
 * What changes together among Node packages, and how often, as far as they say so themselves. Only what a package says of its
 * own origin and version counts: neither dates of publication nor earlier builds are looked at.
 */
import type { Component, ReferencesGraph } from "#graph";
import { keysOf, versionOf } from "../key.ts";
import type { ComponentMetadata, PlanInput } from "../plan.ts";
import { pagesOf } from "./grouping.ts";

/** No version number says more than this of how often a package is published. */
const MAX_OF_VERSION = 64;

/** How much more often a project's own files change than packages do. */
const OWN_FILES = 4096;

/**
 * The units of a Node project's packages, and the weight of each unit: what one repository publishes is one unit. Of another graph, and
 * where units are given, it is what is given.
 * @param given - sizes in bytes; weights by units' names or packages' keys, which count instead of what is expected
 */
export function expectedUpdates(
  graph: ReferencesGraph,
  given: ComponentMetadata & Pick<PlanInput, "keys">,
): Pick<ComponentMetadata, "units" | "weights"> {
  if (graph.kind !== "npm" || given.units !== undefined)
    return { units: given.units, weights: given.weights };
  const keys = given.keys ?? keysOf(graph);
  const origins = [...graph.components.values()].map((component) => {
    const isOwn = versionOf(component) === "";
    return { component, isOwn, repository: isOwn ? undefined : repositoryOf(component) };
  });
  const published = Map.groupBy(origins, ({ repository }) => repository);
  const units = new Map<string, string>();
  const weights = new Map<string, number>();
  for (const { component, isOwn, repository } of origins) {
    const { id } = component;
    const key = keys.get(id)!;
    const isAlone = repository === undefined || published.get(repository)!.length === 1;
    const unit = isAlone ? key : repository;
    units.set(id, unit);
    const expected = (isOwn ? OWN_FILES : 1) * weightOf(component, given.sizes?.get(id) ?? 0);
    weights.set(unit, Math.max(weights.get(unit) ?? 0, given.weights?.get(key) ?? expected));
  }
  for (const [unit, weight] of given.weights ?? []) if (weights.has(unit)) weights.set(unit, weight);
  return { units, weights };
}

/**
 * A package that has been published often will be again, and a large one has more that may change. Both are rounded down to
 * powers of two, so that a new version seldom changes the weight.
 */
function weightOf({ version = "" }: Component, bytes: number): number {
  const numbers = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  const releases = numbers.reduce((sum, number) => sum + number, 1);
  const often = Math.min(MAX_OF_VERSION, 2 ** Math.floor(Math.log2(releases)));
  return often * (1 + Math.floor(Math.log2(pagesOf({ bytes }))));
}

/** Where a package's sources are, the same for all ways of writing it: `github.com/owner/name`. */
function repositoryOf({ repository }: Component): string | undefined {
  const text = repository?.trim().replace(/^git\+/, "") ?? "";
  const shorthand = /^(?:(github|gitlab|bitbucket):)?([\w.-]+\/[\w.-]+)$/.exec(text);
  if (shorthand !== null) {
    const [, host = "github", path] = shorthand;
    return `${host}.${host === "bitbucket" ? "org" : "com"}/${path!.replace(/\.git$/, "")}`.toLowerCase();
  }
  const address = /^(?:[a-z+]+:\/\/)?(?:[^@/]+@)?([\w.-]+)[:/](?:\d+\/)?([^?#]+)/i.exec(text);
  if (address === null) return undefined;
  const [, host, path] = address;
  const name = path!
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .split("/")
    .slice(0, 2)
    .join("/");
  return `${host}/${name}`.toLowerCase();
}
