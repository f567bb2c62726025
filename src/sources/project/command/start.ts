/** What `npm start` runs, without npm and a shell, which don't pass signals on. */
import { splitWords } from "#spec";
import { type Place, packageProgram, runnable } from "./files.ts";

/** What runs in a container. */
export interface NodeCommand {
  /** Flags of Node.js itself. */
  readonly flags: readonly string[];
  /** The file, from the project's folder. */
  readonly file: string;
  /** What comes after the file. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it follows from. */
  readonly from: string;
  /** Whether it is a command-line tool, which gets its arguments when it is run. */
  readonly isTool?: true;
  /** What the user may want to know. */
  readonly notes?: readonly string[];
}

/** A command, or what is wrong with it; `missing` is the file that isn't there. */
export type Found = NodeCommand | { readonly problem: string; readonly missing?: string };

/** Flags whose value is the next word. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  ...["-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions"],
  ...["--env-file", "--env-file-if-exists", "--title", "--icu-data-dir", "--input-type"],
]);

/** What is for development, or reads what isn't in the image. */
const DROPPED = /^--(?:watch(?:-path|-preserve-output)?|env-file(?:-if-exists)?)(?:=|$)/;

/** What frameworks' own commands run once the project is built; what isn't here is found by its package's `bin`. */
const FRAMEWORKS: Readonly<Record<string, { words: RegExp; files: readonly string[] }>> = {
  nest: { words: /^start\b/, files: ["dist/main.js", "dist/src/main.js"] },
  nuxt: { words: /^(?:start|preview)?\b/, files: [".output/server/index.mjs"] },
  nuxi: { words: /^(?:start|preview)\b/, files: [".output/server/index.mjs"] },
  astro: { words: /^(?:preview|start)\b/, files: ["dist/server/entry.mjs"] },
};

/** The command behind a start script. */
export function startCommand(script: string, place: Place): Found {
  const words = splitWords(script);
  if (words === undefined) return { problem: "is more than a plain command" };
  const env: Record<string, string> = {};
  let at = 0;
  for (; at < words.length; at++) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[at]!) ?? [];
    if (name !== undefined) env[name] = value!;
    else if (words[at] !== "cross-env" && words[at] !== "exec") break;
  }
  const [program, ...rest] = words.slice(at);
  if (program === undefined) return { problem: "runs nothing" };
  const found = program === "node" ? nodeCommand(rest, place) : otherCommand(program, { rest, place });
  return "problem" in found ? found : { ...found, env, from: "scripts.start" };
}

type Without = Omit<NodeCommand, "env" | "from"> | Extract<Found, { problem: string }>;

function nodeCommand(words: readonly string[], place: Place): Without {
  const flags: string[] = [];
  const notes: string[] = [];
  let at = 0;
  for (; at < words.length && words[at]!.startsWith("-"); at++) {
    const flag = words[at]!;
    if (/^-(?:e|p|pe|i|c|-eval|-print|-interactive|-check|-test|-run)(?:=|$)/.test(flag)) {
      return { problem: `runs node ${flag}, and so no file` };
    }
    const value = WITH_VALUE.has(flag) ? words[++at] : undefined;
    if (!DROPPED.test(flag)) flags.push(flag, ...(value === undefined ? [] : [value]));
    else if (flag.startsWith("--env")) {
      notes.push(
        `scripts.start reads ${value ?? flag.split("=")[1]}, which stays out of the image; set its variables where containers are run`,
      );
    }
  }
  const [path, ...args] = words.slice(at);
  if (path === undefined) return { problem: "runs node without a file" };
  const file = runnable(place, path);
  if (file === undefined) return { problem: `runs ${path}, which isn't there`, missing: path };
  return { flags, file, args, ...(notes.length > 0 && { notes }) };
}

function otherCommand(
  program: string,
  { rest, place }: { readonly rest: readonly string[]; readonly place: Place },
): Without {
  const framework = Object.hasOwn(FRAMEWORKS, program) ? FRAMEWORKS[program] : undefined;
  if (framework?.words.test(rest.join(" "))) {
    const file = framework.files.find((file) => runnable(place, file) === file);
    if (file !== undefined) return { flags: [], file, args: [] };
    const [missing] = framework.files as [string];
    return { problem: `runs ${missing}, which isn't there`, missing };
  }
  const found = packageProgram(place, program);
  return "problem" in found ? found : { flags: [], file: found.file, args: rest };
}
