/** What Git knows of a project, read from its files: no program is run, and nothing but the commit and its origin. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export interface GitState {
  /** The commit that is checked out, in hexadecimal digits. */
  readonly revision?: string;
  /** Where the repository came from, as Git has it. */
  readonly origin?: string;
}

/** What Git says of the folder that a project is in, be it a part of a repository; nothing where it isn't in one. */
export function gitState(folder: string): GitState {
  const found = gitFolder(folder);
  if (found === undefined) return {};
  const common = commonFolder(found);
  const revision = revisionOf(found, common);
  const origin = originOf(read(join(common, "config")));
  return { ...(revision !== undefined && { revision }), ...(origin !== undefined && { origin }) };
}

function gitFolder(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const git = join(at, ".git");
    const stats = statSync(git, { throwIfNoEntry: false });
    if (stats?.isDirectory()) return git;
    // A worktree or a submodule has a file that says where its own is.
    const [, elsewhere] = /^gitdir: (.+)$/m.exec((stats?.isFile() && read(git)) || "") ?? [];
    if (elsewhere !== undefined) return resolve(at, elsewhere);
    if (dirname(at) === at) return undefined;
  }
}

/** A worktree shares its branches and its config with others. */
function commonFolder(git: string): string {
  const common = read(join(git, "commondir"))?.trim();
  return common === undefined ? git : resolve(git, common);
}

function revisionOf(git: string, common: string): string | undefined {
  const head = read(join(git, "HEAD"))?.trim() ?? "";
  const [, ref] = /^ref: (refs\/\S+)$/.exec(head) ?? [];
  if (ref === undefined) return hex(head);
  if (ref.split("/").includes("..")) return undefined;
  const loose = read(join(git, ref)) ?? read(join(common, ref));
  if (loose !== undefined) return hex(loose.trim());
  const packed = read(join(common, "packed-refs"))
    ?.split("\n")
    .find((line) => line.endsWith(` ${ref}`));
  return hex(packed?.split(" ", 1)[0] ?? "");
}

function hex(text: string): string | undefined {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined;
}

function originOf(config = ""): string | undefined {
  const [, section] = /^\s*\[remote "origin"\]\s*$([^[]*)/m.exec(config) ?? [];
  const [, url] = /^\s*url\s*=\s*(.+?)\s*$/m.exec(section ?? "") ?? [];
  return url;
}

/** A file's text; undefined if it isn't there or can't be read, which is no reason to build nothing. */
function read(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
}
