/** Where the digest cache is, and the options that say so. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { type DigestCache, openDigestCache } from "#cache";
import { userCache } from "./user-cache.ts";

export interface CacheOptions {
  readonly cacheDir?: string;
  /** False with `--no-cache`; the parser sets it to true without. */
  readonly cache?: boolean;
}

/** Adds the option that says where the cache is. */
export function cacheDirOption(command: Command): Command {
  return command.option(
    "--cache-dir <folder>",
    "where digests are kept (default: $VARVE_CACHE_DIR, $XDG_CACHE_HOME/varve or ~/.cache/varve)",
  );
}

/** Adds the options for using the cache. */
export function cacheOptions(command: Command): Command {
  return cacheDirOption(command).option(
    "--no-cache",
    "neither use nor keep digests of what was measured before",
  );
}

/** The cache's folder where no option names one. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const own = env["VARVE_CACHE_DIR"];
  return own !== undefined && own !== "" ? resolve(own) : join(userCache(env, home), "varve");
}

/** The cache that the options name, whether or not it is to be used. */
export function openCache({ cacheDir }: Pick<CacheOptions, "cacheDir">): DigestCache {
  const folder = cacheDir === undefined ? cacheFolder(process.env, homedir()) : resolve(cacheDir);
  return openDigestCache({ folder, now: Date.now });
}

/** The cache that a command works with; none with `--no-cache`. */
export function wantedCache(options: CacheOptions): DigestCache | undefined {
  return options.cache === false ? undefined : openCache(options);
}
