import { join, resolve } from "node:path";
import { userCache } from "#util";

/** The default folder of the digest cache: `$VARVE_CACHE_DIR`, `$XDG_CACHE_HOME/varve` or `~/.cache/varve`. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const own = env["VARVE_CACHE_DIR"];
  return own !== undefined && own !== "" ? resolve(own) : join(userCache(env, home), "varve");
}
