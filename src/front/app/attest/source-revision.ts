/** Which revision of its repository a project is built of. */
import { execFile } from "node:child_process";
import type { BuildSource } from "#attest";
import { gitState, webAddress } from "#project";
import { findProgram } from "#sandbox";
import type { Machine } from "../machine.ts";

/** Git needs to look at all files of a work tree; a larger answer than this says that some have changed, too. */
const MAX_ANSWER = 64 * 1024;

/** As long as that takes in the largest repositories. */
const PATIENCE = 60_000;

/**
 * The revision of a folder's files, and whether these are as it has them.
 * @returns undefined where there is no repository; a tree counts as changed where Git isn't there to tell
 */
export async function sourceOf(
  folder: string,
  { machine, signal }: { readonly machine: Machine; readonly signal: AbortSignal | undefined },
): Promise<BuildSource | undefined> {
  const { revision, origin } = gitState(folder);
  const { run } = machine;
  if (revision === undefined) return undefined;
  // A build system knows the repository's own address; what a work tree says may be that of a proxy.
  const repository = (run?.revision === revision ? run.repository : undefined) ?? webAddress(origin);
  return { repository, revision, isClean: await isClean(folder, { path: machine.path, signal }) };
}

async function isClean(
  folder: string,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal | undefined },
): Promise<boolean> {
  const git = await findProgram("git", path);
  if (git === undefined) return false;
  // Nothing of the repository's own is run, and nothing in it is written.
  const args = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "status", "--porcelain"];
  const env = { PATH: path, LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0", GIT_CONFIG_NOSYSTEM: "1" };
  const options = { cwd: folder, env, maxBuffer: MAX_ANSWER, timeout: PATIENCE, ...(signal && { signal }) };
  return await new Promise((resolve) => {
    execFile(git, args, options, (error, stdout) => resolve(error === null && stdout.trim() === ""));
  });
}
