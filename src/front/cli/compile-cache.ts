/**
 * Lets Node.js keep varve's compiled modules in a folder, which halves the time of a start. Node.js runs what it finds there
 * without a check, so it must be a folder to which nobody else can write; Node's own default is a folder in `/tmp`.
 */
import { existsSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { dirname, join } from "node:path";
import { userCache } from "#util";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

interface CompiledOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** The command's arguments. */
  readonly args: readonly string[];
}

/** Lets modules be compiled only once, in a folder next to the digest cache; or each time, if there is no folder to be trusted. */
export function keepCompiled({ env, home, args }: CompiledOptions): void {
  const folder = join(userCache(env, home), "varve-compiled");
  if (isPrivate(folder)) enableCompileCache(join(folder, useOf(args)));
}

/** Commands that are run again and again. */
const FREQUENT: ReadonlySet<string> = new Set(["bake", "build", "copy", "load", "plan", "push", "stream"]);

/**
 * What varve is used for. Node.js keeps the functions that ran when a module was loaded for the first time, and never adds to them: what a
 * build needs isn't in what `--help` has left.
 */
function useOf(args: readonly string[]): string {
  const [command = ""] = args;
  const isHelp = args.includes("--help") || args.includes("-h");
  return FREQUENT.has(command) && !isHelp ? command : "others";
}

/** Makes the folder if it is missing, and the cache folder that it is in, but not the home. */
function isPrivate(folder: string): boolean {
  const uid = process.geteuid?.();
  if (uid === undefined) return false;
  try {
    const cache = dirname(folder);
    // If a build creates the home folder that Nix has set, Nix refuses further builds.
    const above = realpathSync(existsSync(cache) ? cache : dirname(cache));
    if (!ancestors(above).every((path) => keepsNames(path, uid))) return false;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === uid && (found.mode & WRITABLE_BY_OTHERS) === 0;
  } catch {
    // There is no home, or it is read-only.
    return false;
  }
}

function ancestors(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [path, ...ancestors(above)];
}

/** Whether only the user and root can rename or replace what is in a folder. */
function keepsNames(path: string, uid: number): boolean {
  const { uid: owner, mode } = lstatSync(path);
  if (owner !== uid && owner !== 0) return false;
  return (mode & WRITABLE_BY_OTHERS) === 0 || (mode & STICKY) !== 0;
}
