/** The folder in which this user's programs keep what can be made again. */
import { isAbsolute, join } from "node:path";

/** XDG Base Directory Specification, "Environment variables". */
export function userCache(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const base = env["XDG_CACHE_HOME"];
  // A relative path is to be ignored.
  return base !== undefined && isAbsolute(base) ? base : join(home, ".cache");
}
