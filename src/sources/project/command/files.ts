/** Finds the files that Node.js runs. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix, relative } from "node:path";
import type { Manifest } from "../manifest.ts";

/** A project whose command is looked for. */
export interface Place {
  readonly folder: string;
  readonly manifest: Manifest;
  /** The folder of the workspace that it is part of, whose packages it may share; by default its own. */
  readonly root?: string | undefined;
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

/** The file behind a program's name, as `node_modules/.bin` has it, if Node.js runs it; relative to the project's folder. */
export function packageProgram(place: Place, program: string): Program {
  const { folder, manifest } = place;
  const { dependencies, optionalDependencies, devDependencies } = manifest;
  const brings = (names: Readonly<Record<string, string>> | undefined) =>
    Object.keys(names ?? {})
      .map((name) => programOf(place, { name, program }))
      .find((file) => file !== undefined);
  const file = brings({ ...dependencies, ...optionalDependencies });
  if (file !== undefined)
    return isForNode(join(folder, file)) ? { file } : { problem: `${program} is no program for Node.js` };
  if (brings(devDependencies) !== undefined)
    return { problem: `${program} is a development dependency, which isn't in the image` };
  const gone = Object.keys(dependencies ?? {}).find((name) => packageFolder(place, name) === undefined);
  const isPnp = existsSync(join(place.root ?? folder, ".pnp.cjs"));
  const why = gone === undefined || isPnp ? "" : `, and ${gone} isn't installed`;
  return { problem: `no package that the project depends on brings ${program}${why}` };
}

/** Where a package is that the project depends on, in its own `node_modules` or its workspace's, from its folder. */
function packageFolder({ folder, root = folder }: Place, name: string): string | undefined {
  for (let up = ""; ; up += "../") {
    const found = `${up}node_modules/${name}`;
    if (existsSync(join(folder, found, "package.json"))) return found;
    if (relative(root, join(folder, up)) === "") return undefined;
  }
}

function programOf(
  place: Place,
  { name, program }: { readonly name: string; readonly program: string },
): string | undefined {
  try {
    const found = packageFolder(place, name);
    if (found === undefined) return undefined;
    const { bin } = JSON.parse(readFileSync(join(place.folder, found, "package.json"), "utf8")) as {
      bin?: unknown;
    };
    const path =
      typeof bin === "string"
        ? name.slice(name.lastIndexOf("/") + 1) === program && bin
        : (bin as Record<string, unknown> | undefined)?.[program];
    return typeof path === "string" ? posix.join(found, path) : undefined;
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
