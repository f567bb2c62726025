/** What `npm start` runs, without npm and a shell, which don't pass signals on. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isFile, type Place, packageProgram, runnable } from "./files.ts";
import { builtFile, type Framework, frameworkCommand, frameworkServer } from "./frameworks.ts";
import { lastCommand } from "./scripts.ts";

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
  /** The variable, among those of `env`, by which it listens on all addresses, and why it has to be told. */
  readonly listens?: { readonly name: string; readonly why: string };
  /** What the user may want to know. */
  readonly notes?: readonly string[];
}

/** A command, or what is wrong with it; `missing` is the file that isn't there, and `advice` what to do if not the usual. */
export type Found =
  | NodeCommand
  | { readonly problem: string; readonly missing?: string; readonly advice?: string };

/** Flags whose value is the next word. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  ...["-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions"],
  ...["--env-file", "--env-file-if-exists", "--title", "--icu-data-dir", "--input-type"],
]);

/** What is for development, or reads what isn't in the image. */
const DROPPED = /^--(?:watch(?:-path|-preserve-output)?|env-file(?:-if-exists)?)(?:=|$)/;

/** The command behind a start script. */
export function startCommand(script: string, place: Place): Found {
  const last = lastCommand(script, place.manifest);
  if (last === undefined) return { problem: "is more than a plain command" };
  const [program, ...rest] = last.words;
  if (program === undefined) return { problem: "runs nothing" };
  const found = program === "node" ? nodeCommand(rest, place) : otherCommand(program, { rest, place });
  if ("problem" in found) return found;
  const notes = [...notesOn(last.before, place), ...(found.notes ?? [])];
  const env = { ...found.env, ...last.env };
  return { from: "scripts.start", ...found, env, ...(notes.length > 0 && { notes }) };
}

/** What a start script does before its last command, and npm before the script. */
function notesOn(before: readonly string[], { manifest }: Place): string[] {
  const first = manifest.scripts?.["prestart"] === undefined ? [] : ["scripts.prestart"];
  const steps = [...first, ...before.map((step) => `\`${step}\``)];
  if (steps.length === 0) return [];
  return [`\`npm start\` runs ${steps.join(" and ")} first, which containers don't: do it before they start`];
}

type Without =
  | (Omit<NodeCommand, "env" | "from"> & Partial<Pick<NodeCommand, "env" | "from">>)
  | Extract<Found, { problem: string }>;

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
  if (file === undefined)
    return { problem: `runs ${path}, which isn't there`, missing: path, ...elsewhere(place, path) };
  const framework = frameworkServer(file, place.manifest);
  const listens = framework === undefined ? {} : listening(framework);
  return { flags, file, args, ...listens, ...(notes.length > 0 && { notes }) };
}

/** What to do where a build has put out a project of its own, whose file is meant. */
function elsewhere({ folder, manager = "npm" }: Place, path: string): { advice?: string } {
  const found = ["build", "dist"].find(
    (name) => isFile(join(folder, name, path)) && isFile(join(folder, name, "package.json")),
  );
  if (found === undefined) return {};
  const built = join(folder, found);
  return {
    advice: `it is in ${built}, which is a project of its own: run \`${manager} install\` there, and \`varve build ${found}\``,
  };
}

function otherCommand(
  program: string,
  { rest, place }: { readonly rest: readonly string[]; readonly place: Place },
): Without {
  const framework = frameworkCommand([program, ...rest], place.manifest);
  if (framework !== undefined) return frameworkStart(framework, { words: rest, place });
  if (program === "nodemon" && /^\w.*\.[cm]?js$/.test(rest[0] ?? "")) return nodeCommand(rest, place);
  const found = packageProgram(place, program);
  if ("problem" in found) return found;
  const [served] = rest;
  if (SERVING.has(program) && served !== undefined && !existsSync(join(place.folder, served))) {
    return { problem: `serves ${served}, which isn't there`, missing: served };
  }
  const gone = rest.find((word) => /^\w[^=]*\.[cm]?js$/.test(word) && !existsSync(join(place.folder, word)));
  if (gone !== undefined)
    return { problem: `starts ${program} with ${gone}, which isn't there`, missing: gone };
  const listen = LISTENING[program];
  return { flags: [], file: found.file, args: rest, ...(listen && listening({ listen })) };
}

/** What makes a framework's server listen to others. */
export function listening({ listen }: Pick<Framework, "listen">): Pick<NodeCommand, "env" | "listens"> {
  return listen === undefined ? { env: {} } : { env: { [listen.name]: "0.0.0.0" }, listens: listen };
}

/** Programs that run a server, and may keep it to themselves. */
const LISTENING: Readonly<Record<string, NonNullable<Framework["listen"]>>> = {
  fastify: {
    name: "FASTIFY_ADDRESS",
    why: "Fastify's own command else listens on localhost in most containers",
  },
};

/** Programs that are given what a build has put out. */
const SERVING: ReadonlySet<string> = new Set(["remix-serve", "react-router-serve"]);

/**
 * What a framework's own command runs once the project is built.
 * @param words what comes after the framework's name
 */
export function frameworkStart(
  framework: Framework,
  { words, place }: { readonly words: readonly string[]; readonly place: Place },
): Without {
  const { program, files, built } = framework;
  const file = builtFile(framework, place);
  if (file !== undefined) return { flags: [], file, args: [], ...listening(framework) };
  // Where the build's folder has another name, the script for production says so.
  const other = place.manifest.scripts?.["start:prod"];
  if (files.length > 0 && other !== undefined && /^node\s/.test(other)) {
    const found = startCommand(other, place);
    if (!("problem" in found)) return { ...found, from: "scripts.start:prod" };
  }
  const missing = built ?? files[0]!;
  if (built === undefined) return { problem: `runs ${missing}, which isn't there`, missing };
  if (!isFile(join(place.folder, built))) return { problem: `needs ${built}, which isn't there`, missing };
  const found = packageProgram(place, program);
  if ("problem" in found) return found;
  // Its command for development is for no container.
  const args = words[0] === "start" ? words : ["start"];
  return { flags: [], file: found.file, args };
}
