/** How a container of the image is run: the command, the user, the folder, the version of Node.js. */
import { posix } from "node:path";
import { satisfies, validRange } from "#util";
import type { Fault } from "../findings.ts";
import type { ImageRoot } from "../root.ts";
import { commandOf, findProgram, type Inspected, nodeProgram, variable } from "./inspected.ts";

export function* commandFaults(image: Inspected): Generator<Fault, void, void> {
  yield* programFaults(image);
  yield* userFaults(image);
  yield* folderFaults(image);
  yield* engineFaults(image);
}

function* programFaults(image: Inspected): Generator<Fault, void, void> {
  const { words, field } = commandOf(image.config);
  const [word] = words;
  if (word === undefined) return;
  const found = findProgram(word, image);
  const error = { severity: "error", path: field } as const;
  if (found === undefined || found.kind === "missing" || found.kind === "circle") {
    const where = word.includes("/") ? "which isn't in the image" : "which is in none of the folders of PATH";
    const message = `the command is ${word}, ${where}`;
    if (!image.isPart) yield { ...error, code: "command-not-found", message };
    else
      yield {
        ...error,
        code: "command-not-found",
        severity: "warning",
        message: `${message}; nor is any other program: it needs a base`,
      };
    return;
  }
  if (found.kind === "mounted") return;
  const { kind, entry } = found.node.root;
  if (kind !== "file" || (entry.mode & 0o111) === 0) {
    const what = kind === "file" ? "which nobody may execute" : "which is no file";
    yield { ...error, code: "command-not-executable", message: `the command is ${word}, ${what}` };
    return;
  }
  const isNode =
    image.root.facts(found.node.root).node !== undefined && /^node(?:js)?$/.test(posix.basename(word));
  const script = isNode ? scriptOf(words.slice(1)) : undefined;
  if (script === undefined || isModule(script, image)) return;
  yield {
    ...error,
    code: "command-not-found",
    message: `the command runs ${script} with Node.js, and there is no such file`,
  };
}

/** Flags of Node.js that take the next word. */
const TAKES_WORD =
  /^(?:-r|--require|--import|-C|--conditions|--loader|--experimental-loader|--env-file|--env-file-if-exists|--title|--icu-data-dir)$/;
/** Flags with which there is no file, or it can't be told which word it is. */
const NO_SCRIPT =
  /^(?:-e|-p|-i|-c|-h|-v|--eval|--print|--run|--test|--interactive|--check|--help|--version|--watch-path|-)$/;

/** The file that Node.js is to run; undefined if there is none, or it can't be told. */
function scriptOf(words: readonly string[]): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") return words[at + 1];
    if (!word.startsWith("-")) return word;
    if (NO_SCRIPT.test(word)) return undefined;
    if (TAKES_WORD.test(word)) at++;
    // A flag that isn't known, and may take a word.
    else if (
      !word.includes("=") &&
      !/^--(?:no-|enable-|experimental-|trace-|expose-|inspect|watch|preserve-|abort-|permission|allow-|throw-|pending-|frozen-|use-|max-|harmony|disable-|test-|unhandled-|stack-|zero-|insecure-|tls-|force-|verify-|prof|track-|report-|deprecation|warnings|node-)/.test(
        word,
      )
    )
      return undefined;
  }
  return undefined;
}

/** Whether Node.js would find a file: `require` adds endings, and takes folders. */
function isModule(script: string, { root, workingDir }: Inspected): boolean {
  const path = posix.resolve(workingDir, script);
  return ["", ".js", ".json", ".node", ".mjs", ".cjs", ".ts"].some((ending) => {
    const { kind } = root.resolve(`${path}${ending}`);
    return kind === "found" || kind === "mounted";
  });
}

function* userFaults({ root, config, isPart }: Inspected): Generator<Fault, void, void> {
  const [user = "", group = ""] = (config.User ?? "").split(":");
  const lists = [
    { name: user, file: "/etc/passwd", what: "user" },
    { name: group, file: "/etc/group", what: "group" },
  ];
  for (const { name, file, what } of lists) {
    if (name === "" || /^\d+$/.test(name) || hasLine(root, file, name)) continue;
    yield {
      code: "unknown-user",
      severity: isPart ? "warning" : "error",
      path: "config.User",
      message: `containers run as the ${what} ${name}, which ${file} doesn't have; use a number, or add it`,
    };
  }
}

function hasLine(root: ImageRoot, file: string, name: string): boolean {
  const found = root.resolve(file);
  if (found.kind === "mounted") return true;
  const text = root.text(file) ?? "";
  return text.split("\n").some((line) => line.startsWith(`${name}:`));
}

function* folderFaults({ root, config, workingDir }: Inspected): Generator<Fault, void, void> {
  if (!config.WorkingDir || workingDir === "/") return;
  const found = root.resolve(workingDir);
  const path = "config.WorkingDir";
  const code = "missing-working-directory";
  if (found.kind === "missing") {
    const message = `containers begin in ${workingDir}, which isn't in the image; engines make it, as root's`;
    yield { code, severity: "warning", path, message };
  } else if (found.kind === "circle" || (found.kind === "found" && found.node.root.kind !== "directory")) {
    yield { code, severity: "error", path, message: `containers begin in ${workingDir}, which is no folder` };
  }
}

/** The project's own package.json is in the folder where a container begins, or above. */
function* engineFaults(image: Inspected): Generator<Fault, void, void> {
  const version = nodeProgram(image)?.facts.node?.version ?? variable(image.config, "NODE_VERSION");
  if (version === undefined) return;
  for (let folder = image.workingDir; folder !== "/"; folder = posix.dirname(folder)) {
    const found = image.root.resolve(`${folder}/package.json`);
    if (found.kind !== "found") continue;
    const { engines } = image.root.facts(found.node.root);
    if (engines !== undefined && validRange(engines) && !satisfies(version, engines)) {
      yield {
        code: "wrong-node-version",
        severity: "warning",
        path: `/${found.path}`,
        message: `engines.node is ${JSON.stringify(engines)}, and the image has Node.js ${version}`,
      };
    }
    return;
  }
}
