/** The folder for caches of this user's programs. */
import { isAbsolute, join } from "node:path";

/** XDG Base Directory Specification, "Environment variables". */
export function userCache(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const base = env["XDG_CACHE_HOME"];
  // A relative path is to be ignored.
  return base !== undefined && isAbsolute(base) ? base : join(home, ".cache");
}
