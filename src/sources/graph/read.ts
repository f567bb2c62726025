import { basename, dirname, resolve } from "node:path";
import { VarveError } from "#errors";
import { isFolder, type Memo } from "#util";
import { isObject, parseJson, readText } from "./file.ts";
import type { NodePlatform } from "./installed/lock-facts.ts";
import { parseNixJson } from "./nix/json.ts";
import { parseReferencesText } from "./nix/text.ts";
import { readNodeProject } from "./node-project.ts";
import { readNpmGraph } from "./npm/npm.ts";
import { isLockName } from "./project.ts";
import { makeGraph, type ReferencesGraph } from "./references-graph.ts";

/** How to read a graph; each option matters to the forms that have a use for it. */
export interface ReadGraphOptions {
  /** Under which key a JSON object holds its graph. Without it, the object's only list is taken. */
  readonly key?: string;
  /** Leave out what a Node project needs for development only. */
  readonly omitDev?: boolean;
  /** Where a Node project's packages have to be usable; by default where this process runs. */
  readonly platform?: NodePlatform;
  /**
   * Knows what was read before for another package of the same workspace.
   * @internal
   */
  readonly memo?: Memo | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a references graph and tells its form apart by itself: the JSON forms of Nix, the text form of
 * `exportReferencesGraph`, a lock file of npm, pnpm, yarn or bun, or the folder of a project that one of these has installed.
 *
 * @param path - a file of at most 256 MiB, or a folder.
 * @throws VarveError NOT_FOUND, UNREADABLE or TOO_LARGE if the file can't be read; INVALID_JSON or INVALID_GRAPH
 *   if it is in none of these forms; DANGLING_REFERENCE if a component refers to one that isn't there.
 */
export async function readGraph(path: string, options: ReadGraphOptions = {}): Promise<ReferencesGraph> {
  if (isFolder(path)) return await readNodeProject(path, options);
  if (isLockName(basename(path))) return await readNodeProject(dirname(resolve(path)), options);
  const text = await readText(path, { signal: options.signal });
  const form = text.trimStart()[0];
  const origin = `the graph ${path}`;
  if (form === "/") {
    return makeGraph(parseReferencesText(path, text), { kind: "nix", origin });
  }
  if (form === "{" || form === "[") {
    const value = parseJson(path, text);
    if (options.key === undefined && isNpmLock(value)) {
      const folder = dirname(resolve(path));
      const project = basename(folder) === "node_modules" ? dirname(folder) : folder;
      return readNpmGraph({ project, lockFile: path, ...options });
    }
    return makeGraph(parseNixJson(path, value, options.key), { kind: "nix", origin });
  }
  const found = form === undefined ? "it is empty" : "it is neither JSON nor a list of store paths";
  throw new VarveError("INVALID_GRAPH", `${path} is not a references graph: ${found}`);
}

function isNpmLock(value: unknown): boolean {
  return isObject(value) && "lockfileVersion" in value;
}
