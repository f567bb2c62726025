/** What Git says of a folder: which files differ from a commit, and what one was there. */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { VarveError } from "#errors";
import { findProgram } from "#sandbox";
import type { Machine } from "../machine.ts";

/** More bytes than the names of a repository's files have, or a lock file. */
const MAX_OUTPUT = 256 * 1024 * 1024;

/** A repository at a commit. */
export interface GitState {
  /** The worktree's folder, absolute. */
  readonly top: string;
  /** The absolute paths of files that are others now, new ones and such that are gone among them. */
  readonly changed: readonly string[];
  /** A file's text at the commit; undefined where it wasn't there. */
  textOf(path: string): Promise<string | undefined>;
}

/**
 * Compares a folder's repository, as it lies there, with a commit.
 * @throws VarveError `USAGE` where there is no Git, no repository, or no such commit
 */
export async function gitState(
  folder: string,
  ref: string,
  { path, environment }: Pick<Machine, "path" | "environment">,
): Promise<GitState> {
  const git = await findProgram("git", path);
  if (git === undefined) throw new VarveError("USAGE", "--affected-since needs git, which isn't on PATH");
  const run = async (...args: string[]) =>
    await output(git, args, { folder, env: { ...environment, PATH: path } });
  const up = (await run("rev-parse", "--show-cdup"))?.trimEnd();
  if (up === undefined)
    throw new VarveError(
      "USAGE",
      `${resolve(folder)} is in no Git repository, so nothing says what was changed`,
    );
  // As the folder is named here, and not as it is named where links lead.
  const top = resolve(folder, up);
  const commit = (
    await run("rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`)
  )?.trim();
  if (commit === undefined) {
    throw new VarveError(
      "USAGE",
      `the repository ${top} has no commit ${ref}; fetch it, or name one that is there`,
    );
  }
  const plain = ["--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z"];
  const differing = await run("-C", top, "diff", ...plain, commit, "--");
  const untracked = await run("-C", top, "ls-files", "--others", "--exclude-standard", "-z");
  if (differing === undefined || untracked === undefined) {
    throw new VarveError("USAGE", `git can't say what was changed in ${top} since ${ref}`);
  }
  const names = `${differing}${untracked}`.split("\0").filter((name) => name !== "");
  return {
    top,
    changed: names.map((name) => `${top}/${name}`),
    textOf: async (file) => await run("-C", top, "show", `${commit}:${file.slice(top.length + 1)}`),
  };
}

/** What Git writes; undefined if it fails. */
async function output(
  git: string,
  args: readonly string[],
  { folder, env }: { readonly folder: string; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<string | undefined> {
  const options = { cwd: folder, env: { ...env, LC_ALL: "C" }, maxBuffer: MAX_OUTPUT };
  // Nothing that a repository's own settings name is run.
  const safe = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"];
  return await new Promise((resolve) => {
    execFile(git, [...safe, ...args], options, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    );
  });
}
