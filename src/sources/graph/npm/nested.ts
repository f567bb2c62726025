import { existsSync, lstatSync } from "node:fs";
import { posix } from "node:path";
import { fsPath, readEntries, sortNames } from "#util";

/** In the project's folder, but never part of an image: its history, and npm's list of what is installed on this machine. */
export const NOBODYS = [".git", "node_modules/.package-lock.json"];

/** What tools keep in a `node_modules` for themselves. */
const CACHES = [".cache", ".vite", ".vite-temp"];

/** The caches that are in the `node_modules` of some folders of a project, relative to that. */
export function cachesIn(project: string, folders: readonly string[]): string[] {
  return folders
    .flatMap((folder) => CACHES.map((name) => posix.join(folder, "node_modules", name)))
    .filter((path) => existsSync(fsPath(posix.join(project, path))));
}

/**
 * For each component the paths below it that are not its own, as {@link Component.nested} has them. All keys are
 * relative to the project, which is itself `.`.
 *
 * @param keys - those of all components, and of all else in the tree that is in no component.
 */
export function nestedPaths(keys: Iterable<string>): Map<string, string[]> {
  const nested = new Map<string, string[]>();
  const boundaries = new Set([...keys, ...NOBODYS]);
  for (const key of boundaries) {
    const around = enclosing(key, boundaries);
    if (around === undefined) continue;
    const list = nested.get(around) ?? [];
    if (list.length === 0) nested.set(around, list);
    list.push(around === "." ? key : key.slice(around.length + 1));
  }
  for (const list of nested.values()) sortNames(list);
  return nested;
}

/**
 * The nested paths of an installed package, with its `node_modules` instead of what is in there if there is nothing else: the folder belongs to the
 * packages in it. Otherwise the package would have changed as soon as the first of them comes, or the last one goes.
 * @param folder the package's, as an absolute path; undefined to leave the paths as they are
 */
export function withoutShells(nested: readonly string[], folder: string | undefined): readonly string[] {
  const inside = nested.filter((path) => path.startsWith("node_modules/"));
  if (folder === undefined || inside.length === 0) return nested;
  const stats = lstatSync(fsPath(posix.join(folder, "node_modules")), { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return nested;
  const isOthers = (path: string): boolean => {
    if (inside.includes(path)) return true;
    if (path !== "node_modules" && !/^node_modules\/@[^/]+$/.test(path)) return false;
    return readEntries(posix.join(folder, path)).every(
      (entry) =>
        (entry.isDirectory() || inside.includes(`${path}/${entry.name}`)) &&
        isOthers(`${path}/${entry.name}`),
    );
  };
  if (!isOthers("node_modules")) return nested;
  return sortNames([...nested.filter((path) => !inside.includes(path)), "node_modules"]);
}

/** The innermost of the given folders that `key` lies in. */
function enclosing(key: string, folders: ReadonlySet<string>): string | undefined {
  for (let folder = key; folder !== "." && posix.basename(folder) !== ".."; ) {
    folder = posix.dirname(folder);
    if (folders.has(folder)) return folder;
  }
  return undefined;
}
