import { posix } from "node:path";
import { sortNames } from "#util";

/** In the project's folder, but never part of an image: its history, and npm's list of what is installed on this machine. */
export const NOBODYS = [".git", "node_modules/.package-lock.json"];

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

/** The innermost of the given folders that `key` lies in. */
function enclosing(key: string, folders: ReadonlySet<string>): string | undefined {
  for (let folder = key; folder !== "." && posix.basename(folder) !== ".."; ) {
    folder = posix.dirname(folder);
    if (folders.has(folder)) return folder;
  }
  return undefined;
}
