/** The door to jobs: what does them is loaded by those who have some, since their schema takes time. */

import type { Written } from "../places.ts";
import type { SpecSource } from "../source.ts";
import type { AssembleOptions } from "./assemble.ts";
import type { PlanJobsOptions, PlannedJobs } from "./plan-jobs.ts";
import type { DoneJob, RunJobOptions } from "./run-job.ts";

/**
 * Writes the jobs of a spec's image to a folder. They say what goes in by its content, so that another machine which has the same
 * files can do them; nothing is packed. What other jobs are in the folder is removed.
 * @throws VarveError as planning does; `USAGE` for files that other machines don't have; `UNWRITABLE`
 */
export async function planJobs(source: SpecSource, options: PlanJobsOptions): Promise<PlannedJobs> {
  const { makeJobs } = await import("./plan-jobs.ts");
  return await makeJobs(source, options);
}

/**
 * Does the job of a layer. The same job has the same result wherever it is done, and however often.
 * @param path of the job's file
 * @throws VarveError `INVALID_JOB`; `JOB_DIFFERS` for files that aren't as they were when the job was made, or another compressor;
 *   what reading them, scripts, and talking to the registry throw
 */
export async function runJob(path: string, options: RunJobOptions = {}): Promise<DoneJob> {
  const { doJob } = await import("./run-job.ts");
  return await doJob(path, options);
}

/**
 * Puts an image together, by the jobs in a folder and what has become of them: results beside them, or in a registry. Blobs that a
 * place has are only named there; others are mounted or copied.
 * @throws VarveError `JOB_MISSING` for layers that nobody has made yet, or that are gone; `INVALID_JOB`; what writing throws
 */
export async function assemble(folder: string, options: AssembleOptions): Promise<Written[]> {
  const { putTogether } = await import("./assemble.ts");
  return await putTogether(folder, options);
}
