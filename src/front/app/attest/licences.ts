/** Under which licences packages are that came with a change, or have another version. */
import type { DigestCache } from "#cache";
import type { ComponentChange, ImageComparison } from "#compare";
import type { Image } from "#image";
import { installedIn } from "./inventory.ts";

/** A package whose licence is new to an image. */
export interface LicenceChange {
  readonly name: string;
  readonly version: string;
  /** The licence before, as the package said it; absent for one that came. */
  readonly from?: string;
  readonly to: string;
}

interface Context {
  readonly cache: DigestCache | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * The packages that came, with their licences, and those of which another version is under another one. Of what says no licence nothing is told.
 * @throws VarveError what reading layers throws
 */
export async function licenceChanges(
  { layers }: ImageComparison,
  { source, target }: { readonly source: Image; readonly target: Image },
  context: Context,
): Promise<LicenceChange[]> {
  const changes = layers.flatMap((layer) => layer.changes).filter(isAboutVersion);
  if (changes.length === 0) return [];
  const now = await licencesIn(target, source, context);
  const before = changes.some(({ fromVersion }) => fromVersion !== undefined)
    ? await licencesIn(source, target, context)
    : new Map<string, string>();
  return changes.flatMap(({ name, version = "", fromVersion }): LicenceChange[] => {
    const to = now.get(`${name}@${version}`);
    const from = fromVersion === undefined ? undefined : before.get(`${name}@${fromVersion}`);
    if (to === undefined || to === from || (fromVersion !== undefined && from === undefined)) return [];
    return [{ name, version, ...(from !== undefined && { from }), to }];
  });
}

function isAboutVersion({ component, reasons }: ComponentChange): boolean {
  return component !== undefined && (reasons.includes("added") || reasons.includes("version"));
}

/** The licences of packages in layers that an image has and another hasn't, by names and versions. */
async function licencesIn(image: Image, other: Image, context: Context): Promise<Map<string, string>> {
  const known = new Set(other.layers.map(({ diffId }) => diffId));
  const own = image.layers.filter(({ diffId, components }) => components.length > 0 && !known.has(diffId));
  const { packages } = await installedIn(own, context);
  return new Map(
    packages.flatMap(({ name, version, licence }) =>
      licence === undefined ? [] : [[`${name}@${version}`, licence] as const],
    ),
  );
}
