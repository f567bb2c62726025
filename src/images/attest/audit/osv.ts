/** Advisories: Open Source Vulnerability format. */
import { type CompareVersions, compareAlpine, compareDebian, compareSemver } from "./versions.ts";

/** What an advisory says of one package. */
export interface Affected {
  /** Such as `npm`, `Debian:12`, `Alpine:v3.20`. */
  readonly ecosystem: string;
  readonly name: string;
  readonly versions: readonly string[];
  readonly ranges: readonly (readonly RangeEvent[])[];
}

export type RangeEvent = Readonly<{
  kind: "introduced" | "fixed" | "last_affected" | "limit";
  version: string;
}>;

export interface Advisory {
  readonly id: string;
  /** Other names of the same, such as CVEs. */
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly affected: readonly Affected[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * What one JSON value says: an advisory, or a list of them. What was withdrawn counts as nothing, and what isn't understood is passed over.
 * @returns undefined for a value that is neither
 */
export function advisoriesIn(value: unknown): Advisory[] | undefined {
  if (Array.isArray(value)) {
    const all = value.map((each) => (isObject(each) ? advisoryIn(each) : undefined));
    return all.every((each) => each !== undefined) ? all.flat() : undefined;
  }
  return isObject(value) ? advisoryIn(value) : undefined;
}

function advisoryIn(value: Fields): Advisory[] | undefined {
  const { id, aliases, upstream, summary, details, affected, withdrawn } = value;
  if (typeof id !== "string" || typeof value["modified"] !== "string") return undefined;
  if (typeof withdrawn === "string") return [];
  const said = typeof summary === "string" ? summary : typeof details === "string" ? details : "";
  const [line = ""] = said.trim().split("\n");
  return [
    {
      id,
      aliases: [...textsIn(aliases), ...textsIn(upstream)],
      summary: line.length > 120 ? `${line.slice(0, 119)}…` : line,
      affected: objectsIn(affected).flatMap(affectedIn),
    },
  ];
}

function affectedIn({ package: found, versions, ranges }: Fields): Affected[] {
  if (!isObject(found)) return [];
  const { ecosystem, name } = found;
  if (typeof ecosystem !== "string" || typeof name !== "string") return [];
  return [
    {
      ecosystem,
      name,
      versions: textsIn(versions),
      // Of commits, no package says which it was made of.
      ranges: objectsIn(ranges)
        .filter(({ type }) => type === "SEMVER" || type === "ECOSYSTEM")
        .map(({ events }) => objectsIn(events).flatMap(eventIn)),
    },
  ];
}

const KINDS = ["introduced", "fixed", "last_affected", "limit"] as const;

function eventIn(event: Fields): RangeEvent[] {
  return KINDS.flatMap((kind) => {
    const version = event[kind];
    return typeof version === "string" ? [{ kind, version }] : [];
  });
}

/** By the first part of an ecosystem's name; of others versions count only where they are listed. */
const ORDERS: Readonly<Record<string, CompareVersions>> = {
  npm: compareSemver,
  Debian: compareDebian,
  Ubuntu: compareDebian,
  Alpine: compareAlpine,
  Wolfi: compareAlpine,
  Chainguard: compareAlpine,
};

/** Whether a version is affected: the format's "Evaluation". */
export function isAffected({ ecosystem, versions, ranges }: Affected, version: string): boolean {
  if (versions.includes(version)) return true;
  const compare = ORDERS[ecosystem.split(":", 1)[0]!];
  if (compare === undefined) return false;
  return ranges.some((events) => isInRange(version, { events, compare }));
}

function isInRange(
  version: string,
  { events, compare }: { events: readonly RangeEvent[]; compare: CompareVersions },
): boolean {
  const limits = events.filter(({ kind }) => kind === "limit");
  const isBelow = ({ version: limit }: RangeEvent) => limit === "*" || compare(version, limit) < 0;
  if (limits.length > 0 && !limits.some(isBelow)) return false;
  const order = (a: RangeEvent, b: RangeEvent) =>
    a.version === b.version
      ? 0
      : a.version === "0"
        ? -1
        : b.version === "0"
          ? 1
          : compare(a.version, b.version);
  let affected = false;
  for (const { kind, version: at } of events.toSorted(order)) {
    if (kind === "introduced" && (at === "0" || compare(version, at) >= 0)) affected = true;
    else if (kind === "fixed" && compare(version, at) >= 0) affected = false;
    else if (kind === "last_affected" && compare(version, at) > 0) affected = false;
  }
  return affected;
}

/** The oldest version in which it is mended that is newer than one that is affected. */
export function fixFor({ ecosystem, ranges }: Affected, version: string): string | undefined {
  const compare = ORDERS[ecosystem.split(":", 1)[0]!];
  if (compare === undefined) return undefined;
  return ranges
    .flat()
    .filter(({ kind, version: fix }) => kind === "fixed" && compare(fix, version) > 0)
    .map((event) => event.version)
    .sort(compare)[0];
}

function objectsIn(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
