/**
 * What changes together among Node packages, and how often, as far as they say so themselves. Only what a package says of its
 * own origin and version counts: neither dates of publication nor earlier builds are looked at.
 */
import type { Component, ReferencesGraph } from "#graph";
import { keysOf, versionOf } from "../key.ts";
import type { ComponentMetadata, PlanInput } from "../plan.ts";
import { checkWeight } from "../unit-sets.ts";
import { pagesOf } from "./grouping.ts";

/** No version number says more than this of how often a package is published. */
const MAX_OF_VERSION = 64;

/** Before 1.0.0 a package's numbers say a quarter of that: most that never came further are left as they are. */
const BEFORE_FIRST = 4;

/** Of what a repository changes, this part changes only what has one of its major versions. */
const BY_ITSELF = 4;

/** How much more often a project's own files change than packages do. */
const OWN_FILES = 4096;

/**
 * The units of a Node project's packages, and the weight of each unit: what one repository publishes is one unit. Where it publishes several major
 * versions, each of these is one, too, and three quarters of what it changes changes all of them. Of another graph, and where units are given, it is what is given.
 * @param given - sizes in bytes; weights by units' names or packages' keys, which count instead of what is expected
 */
export function expectedUpdates(
  graph: ReferencesGraph,
  given: ComponentMetadata & Pick<PlanInput, "keys">,
): Pick<ComponentMetadata, "units" | "weights"> {
  if (graph.kind !== "npm" || given.units !== undefined)
    return { units: given.units, weights: given.weights };
  const keys = given.keys ?? keysOf(graph);
  const origins = [...graph.components.values()].map((component): Origin => {
    const isOwn = versionOf(component) === "";
    return { component, isOwn, repository: isOwn ? undefined : repositoryOf(component) };
  });
  const units = new Map<string, string | readonly string[]>();
  const weights = new Map<string, number>();
  const weigh = ({ component, isOwn }: Origin): number => {
    const expected = (isOwn ? OWN_FILES : 1) * weightOf(component, given.sizes?.get(component.id) ?? 0);
    return given.weights?.get(keys.get(component.id)!) ?? expected;
  };
  const setWeight = (unit: string, weight: number): void => {
    weights.set(unit, given.weights?.get(unit) ?? weight);
  };
  for (const [repository, members] of Map.groupBy(origins, ({ repository }) => repository)) {
    if (repository === undefined || members.length === 1) {
      for (const member of members) {
        const { id } = member.component;
        units.set(id, keys.get(id)!);
        setWeight(keys.get(id)!, weigh(member));
      }
      continue;
    }
    const weight = checkWeight(repository, given.weights?.get(repository) ?? Math.max(...members.map(weigh)));
    const lines = Map.groupBy(members, ({ component }) => `${repository}@${majorOf(component)}`);
    const byItself = lines.size === 1 ? 0 : Math.ceil(weight / BY_ITSELF);
    weights.set(repository, Math.max(1, weight - byItself));
    for (const [line, itsMembers] of lines) {
      if (lines.size > 1) setWeight(line, byItself);
      for (const { component } of itsMembers)
        units.set(component.id, lines.size === 1 ? repository : [repository, line]);
    }
  }
  return { units, weights };
}

/** A package, and the repository that it says it is from. */
interface Origin {
  readonly component: Component;
  /** Whether it is the project's own, so that it may change without a new version. */
  readonly isOwn: boolean;
  readonly repository: string | undefined;
}

/**
 * A package that has been published often will be again, and a large one has more that may change. Both are rounded down to
 * powers of two, so that a new version seldom changes the weight.
 */
function weightOf({ version = "" }: Component, bytes: number): number {
  const numbers = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  const releases = numbers.reduce((sum, number) => sum + number, 1) / (numbers[0] === 0 ? BEFORE_FIRST : 1);
  const often = Math.min(MAX_OF_VERSION, 2 ** Math.floor(Math.log2(Math.max(1, releases))));
  return often * (1 + Math.floor(Math.log2(pagesOf({ bytes }))));
}

function majorOf({ version = "" }: Component): string {
  return /^v?(\d+)/.exec(version)?.[1] ?? "";
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
