/** Where the digest cache is, and the options that say so. */
import type { Command } from "commander";

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
