/** Finds the files that Node.js runs. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import type { Manifest } from "../manifest.ts";

/** A project whose command is looked for. */
export interface Place {
  readonly folder: string;
  readonly manifest: Manifest;
  /** What a script of the project's is run with. */
  readonly manager?: string | undefined;
}

const ENDINGS = ["", ".js", ".cjs", ".mjs"];

/**
 * The file that `node PATH` runs, from the project's folder; undefined if it isn't there.
 * @param path relative to the folder
 */
export function runnable({ folder, manifest }: Place, path: string): string | undefined {
  const clean = posix.normalize(path).replace(/\/$/, "");
  if (posix.isAbsolute(clean) || clean === ".." || clean.startsWith("../")) return undefined;
  for (const ending of ENDINGS) {
    if (isFile(join(folder, clean + ending))) return clean + ending;
  }
  const own = clean === "." ? manifest.main : undefined;
  const within = [
    ...(own === undefined ? [] : [own, `${own}.js`, `${own}/index.js`]),
    "index.js",
    "index.cjs",
  ];
  return within.map((name) => posix.join(clean, name)).find((name) => isFile(join(folder, name)));
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** A file that a package of the project brings as a program, or why it can't be run. */
export type Program = { readonly file: string } | { readonly problem: string };

/** The file behind a program's name, as `node_modules/.bin` has it, if Node.js runs it. */
export function packageProgram({ folder, manifest }: Place, program: string): Program {
  const { dependencies, optionalDependencies, devDependencies } = manifest;
  const brings = (names: Readonly<Record<string, string>> | undefined) =>
    Object.keys(names ?? {})
      .map((name) => programOf(folder, { name, program }))
      .find((file) => file !== undefined);
  const file = brings({ ...dependencies, ...optionalDependencies });
  if (file === undefined) {
    const problem =
      brings(devDependencies) === undefined
        ? `no package that the project depends on brings ${program}`
        : `${program} is a development dependency, which isn't in the image`;
    return { problem };
  }
  return isForNode(join(folder, file)) ? { file } : { problem: `${program} is no program for Node.js` };
}

function programOf(
  folder: string,
  { name, program }: { readonly name: string; readonly program: string },
): string | undefined {
  try {
    const file = join(folder, "node_modules", name, "package.json");
    if (!existsSync(file)) return undefined;
    const { bin } = JSON.parse(readFileSync(file, "utf8")) as { bin?: unknown };
    const path =
      typeof bin === "string"
        ? name.slice(name.lastIndexOf("/") + 1) === program && bin
        : (bin as Record<string, unknown> | undefined)?.[program];
    return typeof path === "string" ? posix.join("node_modules", name, path) : undefined;
  } catch {
    // A package that is broken brings nothing.
    return undefined;
  }
}

function isForNode(file: string): boolean {
  if (!isFile(file)) return false;
  const [first = ""] = readFileSync(file, "utf8").split("\n", 1);
  return first.startsWith("#!") ? /\bnode\b/.test(first) : /\.[cm]?js$/.test(file);
}
