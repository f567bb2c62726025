/** What a run would make, before anything is made. */
import { VarveError } from "#errors";
import type { PlanReport } from "#report";
import type { SpecFields } from "#spec";
import { operate } from "../machine.ts";
import type { Target } from "../places.ts";
import { planSource } from "../plan.ts";
import { affected } from "./affected.ts";
import type { BakeOptions, BakeTarget } from "./bake.ts";
import { placesOf } from "./destinations.ts";
import { type OpenedTarget, openRun } from "./run.ts";

/** A target that is meant. */
export interface MeantTarget {
  readonly target: string;
  /** The image's name and tag; undefined where it can't be read what the target is. */
  readonly name: string | undefined;
  readonly tag: string | undefined;
  readonly platforms: readonly string[];
  readonly tags: readonly string[];
  /** The first path, or package, by which its image can have become another; undefined where nobody asked, or it can't be said. */
  readonly affectedBy?: string | undefined;
}

/** As {@link MeantTarget}, with its layers. */
export interface PrintedTarget extends MeantTarget {
  readonly places: readonly string[];
  /** The spec as people write it, with all that follows from the project. */
  readonly spec: SpecFields;
  readonly plan: PlanReport;
}

type MeantOptions = Pick<
  BakeOptions,
  "machine" | "signal" | "platform" | "lockFile" | "affectedSince" | "libc" | "to" | "push"
>;

interface Meant {
  readonly one: OpenedTarget;
  readonly by: string | undefined;
}

/** Those targets that a run would make. @throws VarveError as `bake` does before it makes anything */
export async function meantTargets(
  targets: readonly BakeTarget[],
  options: MeantOptions,
): Promise<MeantTarget[]> {
  return await operate(options, async (operation) => {
    await using run = await openRun(targets, { ...options, operation });
    return (await meantIn(run, options)).map(described);
  });
}

/**
 * Plans what a run would make; nothing is built.
 * @throws VarveError as `bake`, and what is wrong with the first target that can't be planned
 */
export async function printTargets(
  targets: readonly BakeTarget[],
  options: MeantOptions,
): Promise<PrintedTarget[]> {
  return await operate(options, async (operation) => {
    await using run = await openRun(targets, { ...options, operation });
    const meant = await meantIn(run, options);
    const { to = [], push } = options;
    const isSomewhere = to.length > 0 || push;
    const ones = meant.map(({ one }) => one);
    const places = isSomewhere ? await placesOf(ones, options) : new Map<string, readonly Target[]>();
    const printed: PrintedTarget[] = [];
    for (const each of meant) {
      const { target, source, error } = each.one;
      if (source === undefined) throw error;
      const { signal, libc } = options;
      const platform = target.platforms?.[0] ?? options.platform;
      const { plan, report, planned } = await planSource(source, {
        machine: run.machine,
        signal,
        libc,
        platform,
      });
      await run.together.planned(source.spec, plan.layout);
      const named = (places.get(target.name) ?? []).filter((place) => typeof place === "string");
      printed.push({ ...described(each), places: named, spec: planned.fields, plan: report });
    }
    return printed;
  });
}

async function meantIn(
  { machine, opened }: Awaited<ReturnType<typeof openRun>>,
  { affectedSince }: MeantOptions,
): Promise<Meant[]> {
  if (affectedSince === undefined) return opened.map((one) => ({ one, by: undefined }));
  const { commit: since, folder } = affectedSince;
  const found = await affected(opened, { machine, since, folder });
  return found.map(({ target, by }) => ({ one: opened.find((each) => each.target === target)!, by }));
}

function described({ one: { target, source }, by }: Meant): MeantTarget {
  const { name, platforms = [], tags = [] } = target;
  return {
    target: name,
    name: source?.spec.name,
    tag: source?.spec.tag,
    platforms,
    tags,
    ...(by !== undefined && { affectedBy: by }),
  };
}

/** The forms of a matrix. */
export const MATRICES = ["github", "gitlab"] as const;

/** The most jobs that a matrix may have. */
const MOST_JOBS = { github: 256, gitlab: 200 } as const;

/** What is extended never runs, and a pipeline of GitLab's must have a job that does. */
const NOTHING = `.varve-targets:
  rules:
    - when: never
nothing-to-bake:
  script:
    - echo nothing to bake
`;

/**
 * A matrix of a CI system with a job for each target: for GitHub Actions the JSON that `fromJSON` takes, and for GitLab YAML with a
 * job to be extended, `.varve-targets`, and one without work where there is no target.
 * @throws VarveError `USAGE` for more targets than such a matrix may have
 */
export function matrixText(targets: readonly MeantTarget[], form: (typeof MATRICES)[number]): string {
  if (targets.length > MOST_JOBS[form]) {
    throw new VarveError(
      "USAGE",
      `a matrix of ${form} has ${MOST_JOBS[form]} jobs at most, and there are ${targets.length} targets; name fewer, or bake several in a job`,
    );
  }
  if (form === "github") {
    const include = targets.map(({ target, name, tag }) => ({
      target,
      ...(name && { name }),
      ...(tag && { tag }),
    }));
    return `${JSON.stringify({ include })}\n`;
  }
  if (targets.length === 0) return NOTHING;
  // JSON's texts are YAML's.
  const names = targets.map(({ target }) => `          - ${JSON.stringify(target)}\n`).join("");
  return `.varve-targets:\n  parallel:\n    matrix:\n      - TARGET:\n${names}`;
}
