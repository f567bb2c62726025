/** What a script of package.json runs in the end, without the package manager and the shell around it. */
import { splitWords } from "#spec";
import type { Manifest } from "../manifest.ts";

/** A script's last command, which stays until it is ended. */
export interface LastCommand {
  /** What is set before it. */
  readonly env: Readonly<Record<string, string>>;
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** What the script runs before that, as it has it. */
  readonly before: readonly string[];
}

/** More than any script leads to others. */
const MAX_SCRIPTS = 10;

/** Commands of a shell that change how the next one is run. */
const OF_SHELL = new Set([
  ".",
  "cd",
  "eval",
  "exit",
  "export",
  "set",
  "source",
  "trap",
  "ulimit",
  "umask",
  "unset",
]);

/** Options of package managers that only make them say less. */
const QUIET = /^(?:-s|--silent|--quiet|--no-progress|--no-install|--no|--yes|-y)$/;

/**
 * The last command behind a script: the last of several joined by `&&`, and where that runs another script, the last of that.
 * @returns undefined for what only a shell can make sense of
 */
export function lastCommand(script: string, manifest: Manifest): LastCommand | undefined {
  let env: Record<string, string> = {};
  const before: string[] = [];
  let text = script;
  let more: readonly string[] = [];
  for (let depth = 0; depth < MAX_SCRIPTS; depth++) {
    const steps = text.split("&&").map((step) => ({ step: step.trim(), words: splitWords(step) }));
    const last = steps.pop()!.words;
    if (last === undefined || !steps.every(({ words }) => isProgram(words))) return undefined;
    before.push(...steps.map(({ step }) => step));
    const { set, words } = withoutEnv(last);
    env = { ...set, ...env };
    const { script: name, args } = scriptNamed(words, manifest) ?? { script: undefined, args: words };
    more = [...args, ...more];
    if (name === undefined) return { env, words: more, before };
    text = manifest.scripts![name]!;
  }
  return undefined;
}

function isProgram(words: readonly string[] | undefined): boolean {
  const [program] = words === undefined ? [] : withoutEnv(words).words;
  return program !== undefined && !OF_SHELL.has(program);
}

function withoutEnv(all: readonly string[]): { set: Record<string, string>; words: readonly string[] } {
  const set: Record<string, string> = {};
  let at = 0;
  for (; at < all.length; at++) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(all[at]!) ?? [];
    if (name !== undefined) set[name] = value!;
    else if (all[at] !== "cross-env" && all[at] !== "exec") break;
  }
  return { set, words: all.slice(at) };
}

interface Named {
  /** Undefined where it is a program of a package, whose words the arguments begin with. */
  readonly script?: string;
  readonly args: readonly string[];
}

/** Which script, or program of a package, a package manager is to run; undefined for any other command. */
function scriptNamed([manager, ...all]: readonly string[], { scripts = {} }: Manifest): Named | undefined {
  const words = all.slice(all.findIndex((word) => !QUIET.test(word)));
  const [verb = "", ...rest] = words;
  const isScript = (name: string | undefined): name is string =>
    name !== undefined && Object.hasOwn(scripts, name);
  const plain = (args: readonly string[]) => (args[0] === "--" ? args.slice(1) : args);
  if (manager === "npx" || manager === "bunx") return verb.startsWith("-") ? undefined : { args: words };
  if (manager === "node")
    return verb === "--run" && isScript(rest[0])
      ? { script: rest[0], args: plain(rest.slice(1)) }
      : undefined;
  if (manager !== "npm" && manager !== "pnpm" && manager !== "yarn" && manager !== "bun") return undefined;
  if (/^(?:run|run-script)$/.test(verb)) {
    const [name, ...args] = rest.slice(rest.findIndex((word) => !QUIET.test(word)));
    return isScript(name) ? { script: name, args: plain(args) } : undefined;
  }
  if (verb === "exec" && manager !== "bun") return { args: plain(rest) };
  if (manager === "npm") return undefined;
  return isScript(verb) ? { script: verb, args: plain(rest) } : undefined;
}
