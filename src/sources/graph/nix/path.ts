import { posix } from "node:path";

/** No system opens a longer one. */
const MAX_PATH_LENGTH = 4096;

/**
 * What is wrong with a store path, or undefined if nothing is: it must be absolute and written the one way in
 * which it can be compared, without `.`, `..`, doubled slashes or one at the end.
 */
export function checkStorePath(path: string): string | undefined {
  const shown = JSON.stringify(path.length > 300 ? `${path.slice(0, 300)}…` : path);
  if (!path.startsWith("/")) return `is ${shown}`;
  if (path.length > MAX_PATH_LENGTH) return `is ${shown}, which is longer than any system's`;
  if (path === "/" || path.endsWith("/") || posix.normalize(path) !== path || path.includes("\0")) {
    return `is ${shown}, which is not a plain one`;
  }
  return undefined;
}
