/** Several images that share layers, planned together. */
import { VarveError } from "#errors";
import type { Layout } from "#layering";
import { type FleetReport, type PlanReport, reportFleet } from "#report";
import { writeLock } from "./lock-file.ts";
import { type OperationOptions, operate } from "./machine.ts";
import { planSource } from "./plan.ts";
import type { SpecSource } from "./source.ts";

export interface FleetOptions extends OperationOptions {
  /** Gets the layouts of all. */
  readonly lockFile?: string | undefined;
  readonly graphKey?: string | undefined;
}

/** The plans of several images, and what these share. */
export interface PlannedFleet {
  readonly fleet: FleetReport;
  readonly plans: readonly PlanReport[];
}

/**
 * Plans several specs, in their order: each begins with the layers of those before it.
 * @throws VarveError as `plan` does for each; `USAGE` if a lock file is to have two images of one name
 */
export async function planFleet(
  sources: readonly (SpecSource & { readonly isGraph: boolean })[],
  { lockFile, graphKey, ...options }: FleetOptions,
): Promise<PlannedFleet> {
  return await operate(options, async (operation) => {
    const layouts = new Map<string, Layout>();
    if (lockFile !== undefined) refuseTwins(sources);
    const planned: Awaited<ReturnType<typeof planSource>>[] = [];
    for (const source of sources) {
      const otherLayouts = planned.map(({ plan }) => plan.layout);
      const outputs = lockFile === undefined ? [] : [lockFile];
      const one = await planSource(source, { ...operation, otherLayouts, outputs, graphKey });
      planned.push(one);
      layouts.set(source.spec.name, one.plan.layout);
    }
    if (lockFile !== undefined) await writeLock(lockFile, layouts, operation.signal);
    return { fleet: reportFleet(planned), plans: planned.map(({ report }) => report) };
  });
}

/** A lock file knows images by their names. */
function refuseTwins(sources: readonly SpecSource[]): void {
  const names = sources.map(({ spec }) => spec.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return;
  throw new VarveError(
    "USAGE",
    `two of the images are called ${twice}, and a lock file tells images apart by their names; give them different ones`,
  );
}
