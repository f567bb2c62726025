/** Says which packages two images don't have in common, with versions and licences. */
import type { PackageChange } from "#attest";
import type { ImageSpecInput } from "#spec";
import type { SpecOptions } from "./build.ts";

/** Which packages two images, or two SBOMs, don't have in common. */
export interface SbomComparison {
  /** What was compared, as people call it. */
  readonly sources: readonly [string, string];
  /** In the order of their types and names. */
  readonly changes: readonly PackageChange[];
}

/**
 * Says which packages came, went, changed their version or their licence.
 * @param from - an image's place, a spec's or a project's path, a spec; or a file that has an SBOM: CycloneDX or SPDX 2, as JSON
 * @param to - the other, likewise
 * @throws VarveError as `sbom`; `INVALID_JSON`, `USAGE` for an SBOM that isn't read
 */
export async function diffSboms(
  from: string | ImageSpecInput,
  to: string | ImageSpecInput,
  options: SpecOptions = {},
): Promise<SbomComparison> {
  const { comparedSboms } = await import("./attest/diff-sbom.ts");
  return await comparedSboms(from, to, options);
}
