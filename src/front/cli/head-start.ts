/**
 * What a build is likely to list, a thread begins to list before the build's own code is loaded, which takes as long. Which folder it is about
 * is guessed from the arguments; a wrong guess costs the thread's time and nothing else.
 */
import { homedir } from "node:os";
import { resolve } from "node:path";
import { beginListings } from "#app";
import { cacheFolder, type DigestCache, openDigestCache } from "#cache";
import type { KeptListings } from "#fs";

let begun: { readonly folder: string; readonly cache: string; readonly listings: KeptListings } | undefined;

/** @param args what the build is called with */
export function headStart(args: readonly string[]): void {
  if (args.includes("--no-cache")) return;
  const cache = openDigestCache({ folder: cacheIn(args), now: Date.now });
  for (const path of [...args.filter((word) => !word.startsWith("-")), "."]) {
    const listings = beginListings(cache, path);
    if (listings.ahead === undefined) continue;
    begun = { folder: resolve(path), cache: cache.folder, listings };
    return;
  }
}

/** What was begun for a folder, if the guess was right. */
export function begunFor(folder: string, cache: DigestCache | undefined): KeptListings | undefined {
  return begun?.folder === resolve(folder) && begun.cache === cache?.folder ? begun.listings : undefined;
}

function cacheIn(args: readonly string[]): string {
  const at = args.findIndex((word) => /^--cache-dir(=|$)/.test(word));
  const given = args[at]?.split("=", 2)[1] ?? args[at + 1];
  return at === -1 || given === undefined ? cacheFolder(process.env, homedir()) : resolve(given);
}
