/** Package URLs: ECMA-427. */
import { PackageURL } from "packageurl-js";

export interface PurlParts {
  readonly type: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly version: string;
  readonly qualifiers?: Readonly<Record<string, string | undefined>>;
}

/** A package URL; undefined for a name that none can have. */
export function purlOf({ type, namespace, name, version, qualifiers = {} }: PurlParts): string | undefined {
  const known = Object.entries(qualifiers).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "",
  );
  try {
    return new PackageURL(
      ...([type, namespace, name, version === "" ? undefined : version] as const),
      ...([known.length > 0 ? Object.fromEntries(known) : undefined, undefined] as const),
    ).toString();
  } catch {
    return undefined;
  }
}

/** That of a Node package. */
export function npmPurl(name: string, version: string): string | undefined {
  const [, scope, rest] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
  return purlOf({ type: "npm", namespace: scope, name: rest ?? name, version });
}
