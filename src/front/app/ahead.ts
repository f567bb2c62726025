/** What the last build of the same folder listed is listed again while this one reads the project: most of the time it is the same. */
import { resolve } from "node:path";
import type { DigestCache } from "#cache";
import { KeptListings, ListedAhead, type ListedTree, treeKey } from "#fs";
import { compareNames } from "#util";

/** How many names have to be listed for that to be worth a thread: it starts in the time that these take. */
const WORTH_A_THREAD = 3000;

const partsOf = (folder: string) => ["trees listed", resolve(folder)];

/**
 * Begins to list what a build from this folder is likely to need.
 * @returns listings with nothing in them yet
 */
export function beginListings(cache: DigestCache, folder: string): KeptListings {
  const since = cache.now();
  const known = cache.facts(partsOf(folder));
  return new KeptListings(since, { ahead: known && ListedAhead.begin(treesIn(known)) });
}

/** Keeps what was listed in mind for the next build from this folder. */
export function rememberListed(cache: DigestCache, folder: string, { kept }: KeptListings): void {
  if (kept.names < WORTH_A_THREAD) return;
  // In the order of their paths, whoever has listed them.
  const trees = kept.trees.toSorted((a, b) => compareNames(treeKey(a), treeKey(b)));
  const text = Buffer.from(JSON.stringify(trees));
  const known = cache.facts(partsOf(folder));
  if (known === undefined || !text.equals(known)) cache.putFacts(partsOf(folder), text);
}

/** Only this user's varve writes to the cache; and a tree that nobody asks for is only listed in vain. */
const treesIn = (text: Uint8Array): ListedTree[] => JSON.parse(Buffer.from(text).toString()) as ListedTree[];
