/**
 * Lets varve's own code be compiled only once. Node.js' own cache keeps what is compiled when a file is loaded, and so none of the
 * functions that run later; V8 can keep all that has run by the end of a command. Both run what they find in their folder, so it must be
 * one to which nobody else can write; Node's own default is a folder in `/tmp`.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { userCache } from "#util";
import { CompiledFiles } from "./compiled-files.ts";
import { isPrivate } from "./private-folder.ts";

interface CompiledOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** The command's arguments. */
  readonly args: readonly string[];
}

let files = new CompiledFiles(undefined);

/**
 * Keeps what is compiled from now on in a folder next to the digest cache, or in the one that Node.js is told of; or doesn't keep it, if
 * there is no folder to be trusted.
 */
export function keepCompiled({ env, home, args }: CompiledOptions): void {
  if (env["NODE_DISABLE_COMPILE_CACHE"]) return;
  const folder = folderFor(env, home);
  if (folder === undefined) return;
  const own = join(folder, useOf(args));
  enableCompileCache(own);
  files = new CompiledFiles(own);
}

/** Loads one of varve's files that are beside the one that runs: what it exports. */
export function loadBeside(name: string): unknown {
  return files.load(name);
}

function folderFor(env: CompiledOptions["env"], home: string): string | undefined {
  const told = env["NODE_COMPILE_CACHE"];
  if (told) return join(told, "varve");
  const folder = join(userCache(env, home), "varve-compiled");
  return isPrivate(folder) ? folder : undefined;
}

/** Commands that are run again and again. */
const FREQUENT: ReadonlySet<string> = new Set(["bake", "build", "copy", "load", "plan", "push", "stream"]);

/** What varve is used for: what a build needs isn't in what `--help` has left. */
function useOf(args: readonly string[]): string {
  const [command = ""] = args;
  const isHelp = args.includes("--help") || args.includes("-h");
  return FREQUENT.has(command) && !isHelp ? command : "others";
}
