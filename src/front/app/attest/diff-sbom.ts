/** Says which packages two images don't have in common, with versions and licences. */
import { stat } from "node:fs/promises";
import { comparePackages, type ListedPackage, listedPackages, MAX_SBOM_BYTES, readSbom } from "#attest";
import type { ImageSpecInput } from "#spec";
import { readWhole } from "#util";
import type { SpecOptions } from "../build.ts";
import { isSpecPath } from "../compare.ts";
import type { SbomComparison } from "../diff-sboms.ts";
import { type Operation, operate } from "../machine.ts";
import { imageBom } from "./sbom.ts";

/** As `diffSboms`, which loads this. */
export async function comparedSboms(
  from: string | ImageSpecInput,
  to: string | ImageSpecInput,
  options: SpecOptions,
): Promise<SbomComparison> {
  return await operate(options, async (operation) => {
    const before = await packagesOf(from, operation, options);
    const after = await packagesOf(to, operation, options);
    return {
      sources: [before.source, after.source],
      changes: comparePackages(before.packages, after.packages),
    };
  });
}

interface Listed {
  readonly source: string;
  readonly packages: readonly ListedPackage[];
}

async function packagesOf(
  given: string | ImageSpecInput,
  operation: Operation,
  options: SpecOptions,
): Promise<Listed> {
  if (typeof given === "string" && (await mayBeSbom(given))) {
    const bytes = await readWhole(given, { limit: MAX_SBOM_BYTES, signal: operation.signal });
    const packages = readSbom(bytes, given);
    if (packages !== undefined) return { source: given, packages };
  }
  const { source, bom } = await imageBom(given, operation, options);
  return { source, packages: listedPackages(bom.components) };
}

/** A file with a JSON object, which may be a spec as well. */
async function mayBeSbom(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && (await isSpecPath(path));
}
