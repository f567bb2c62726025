/** Which folders are a workspace's packages. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import picomatch from "picomatch";
import { readError, VarveError } from "#errors";
import { readEntries, sortNames } from "#util";
import { isObject, type JsonObject, parseJson, readText } from "./file.ts";
import { parseYaml, strings } from "./yaml.ts";

/** The file in which pnpm has what others have in `package.json`. */
const PNPM_WORKSPACE = "pnpm-workspace.yaml";

/**
 * The workspace packages of the project at `root`, relative to it and in order: the folders with a `package.json` that
 * the patterns of `pnpm-workspace.yaml`, or of `workspaces` in `package.json`, match.
 * @throws VarveError `INVALID_GRAPH`, `INVALID_JSON`, `UNREADABLE`
 */
export async function workspaceFolders(root: string): Promise<string[]> {
  const patterns = await workspacePatterns(root);
  const plain = (pattern: string) => pattern.replace(/^(!?)(?:\.?\/)+/, "$1").replace(/\/+$/, "");
  const wanted = patterns.filter((pattern) => !pattern.startsWith("!")).map(plain);
  const unwanted = patterns
    .filter((pattern) => pattern.startsWith("!"))
    .map((pattern) => plain(pattern.slice(1)));
  if (wanted.length === 0) return [];
  const isWanted = picomatch(wanted, { ignore: unwanted });
  // Below what no pattern begins with there is nothing to find.
  const starts = wanted.map((pattern) => picomatch.scan(pattern).base);
  const found: string[] = [];
  const visit = (folder: string): void => {
    if (folder !== "" && isWanted(folder) && existsSync(join(root, folder, "package.json")))
      found.push(folder);
    for (const entry of readEntries(join(root, folder))) {
      if (!entry.isDirectory() || entry.name === "node_modules" || entry.name.startsWith(".")) continue;
      const below = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const leads = starts.some(
        (start) => `${below}/`.startsWith(`${start}/`) || `${start}/`.startsWith(`${below}/`),
      );
      if (leads || starts.includes("")) visit(below);
    }
  };
  visit("");
  return sortNames(found);
}

async function workspacePatterns(root: string): Promise<string[]> {
  const file = join(root, PNPM_WORKSPACE);
  if (existsSync(file)) {
    const value = await parseYaml(file, await readText(file));
    return isObject(value) ? strings(value["packages"]) : [];
  }
  const { workspaces } = (await readManifest(root)) ?? {};
  return strings(isObject(workspaces) ? workspaces["packages"] : workspaces);
}

/** More than any package.json has. */
const MANIFEST_LIMIT = 16 * 1024 * 1024;

/**
 * A folder's `package.json`; undefined if it has none. There are thousands of them, most of a few hundred bytes.
 * @throws VarveError `INVALID_GRAPH`, `INVALID_JSON`, `UNREADABLE`, `TOO_LARGE`
 */
export async function readManifest(folder: string): Promise<JsonObject | undefined> {
  const file = join(folder, "package.json");
  let bytes: Uint8Array;
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return undefined;
    if (stats.size > MANIFEST_LIMIT) throw tooLarge(file);
    bytes = readFileSync(file);
  } catch (error) {
    throw error instanceof VarveError ? error : readError(file, error);
  }
  const value = parseJson(file, new TextDecoder().decode(bytes));
  if (isObject(value)) return value;
  throw new VarveError("INVALID_GRAPH", `${file} is not a package.json: it must be an object`);
}

function tooLarge(file: string): VarveError {
  return new VarveError(
    "TOO_LARGE",
    `${file} is larger than ${MANIFEST_LIMIT} bytes, the most that varve reads of it`,
  );
}
