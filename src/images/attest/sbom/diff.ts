/** What differs between two lists of packages. */
import { compareNames, sortNames } from "#util";
import type { ListedPackage } from "./read.ts";

/**
 * A package that isn't the same in both.
 *
 * - `came`, `went`: it is in one of them. - `changed`: other versions. - `licence`: the same versions, and other licences.
 */
export interface PackageChange {
  readonly change: "came" | "went" | "changed" | "licence";
  readonly name: string;
  /** As package URLs have it: `npm`, `deb`, `nix`; `operating-system`, or what an SBOM calls what has none. */
  readonly type: string;
  /** All versions that there were, in order; there may be several of one package. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Their licences, as far as they are said. */
  readonly licences: { readonly from: readonly string[]; readonly to: readonly string[] };
}

/** Compares packages by their names, whatever version they have; in the order of types and names. */
export function comparePackages(
  from: readonly ListedPackage[],
  to: readonly ListedPackage[],
): PackageChange[] {
  const [before, after] = [byKey(from), byKey(to)];
  const keys = sortNames([...new Set([...before.keys(), ...after.keys()])]);
  return keys.flatMap((key): PackageChange[] => {
    const [old, now] = [before.get(key) ?? [], after.get(key) ?? []];
    const versions = { from: versionsOf(old), to: versionsOf(now) };
    const licences = { from: licencesOf(old), to: licencesOf(now) };
    const isSame = same(versions.from, versions.to);
    // Where only one of them says a licence, it needn't have changed.
    const isLicence = licences.from.length > 0 && licences.to.length > 0 && !same(licences.from, licences.to);
    if (isSame && !isLicence) return [];
    const change = old.length === 0 ? "came" : now.length === 0 ? "went" : isSame ? "licence" : "changed";
    const type = key.slice(0, key.indexOf("/"));
    return [{ change, name: (now[0] ?? old[0])!.name, type, ...versions, licences }];
  });
}

function byKey(packages: readonly ListedPackage[]): Map<string, ListedPackage[]> {
  return Map.groupBy(packages, ({ key }) => key);
}

function versionsOf(packages: readonly ListedPackage[]): string[] {
  return [...new Set(packages.map(({ version }) => version))].sort(compareNames);
}

function licencesOf(packages: readonly ListedPackage[]): string[] {
  return sortNames([...new Set(packages.flatMap(({ licence }) => licence ?? []))]);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, at) => each === b[at]);
}
