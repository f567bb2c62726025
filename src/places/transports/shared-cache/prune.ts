/** Leaves out of a shared cache what nobody needs any more. */
import { type SharedRecord, usedLast } from "#cache";
import { VarveError } from "#errors";
import type { Digest, Reference } from "#oci";
import type { RegistryClient } from "#registry";
import { notACache } from "./exchange.ts";
import { cacheTag, segmentTag } from "./names.ts";
import { openSegments } from "./open.ts";
import { registryStore } from "./store.ts";
import { mergeSegments, removeAll } from "./tidy.ts";

/** In days: entries that nobody has used for longer are left out. */
const DEFAULT_MAX_AGE = 90;

const DAY = 24 * 60 * 60 * 1000;

/** How many blobs are asked for at the same time. */
const AT_ONCE = 16;

/** How often it is begun again when others write at the same time. */
const ATTEMPTS = 5;

export interface PruneSharedCacheOptions {
  readonly reference: Reference;
  /** The time in milliseconds since 1970. */
  readonly now: number;
  /** How many days ago an entry must have been used to stay; 90 unless given. */
  readonly maxAge?: number | undefined;
  /** How many entries stay at most, those that were used last; all unless given. */
  readonly maxEntries?: number | undefined;
  /** Repositories of the same registry: what is said of a blob that none of them has is left out. Not asked for unless given. */
  readonly blobsIn?: readonly string[] | undefined;
  readonly onNote?: ((sentence: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of a shared cache's entries, counted. */
export interface PrunedSharedCache {
  readonly kept: number;
  /** Those that had been unused for too long, or were too many. */
  readonly old: number;
  /** Those about blobs that aren't there any more, or of layers of which nothing else is known. */
  readonly gone: number;
  /** Parts of the cache that were garbage, or couldn't be read. */
  readonly broken: number;
  /** How many segments it was in, and is in now, as far as the registry removes what is replaced. */
  readonly segments: { readonly before: number; readonly after: number };
  /** False where the registry removes nothing: then it takes more space than before. */
  readonly removed: boolean;
}

/**
 * Writes a shared cache anew, in one segment without what is old. What others write meanwhile stays.
 * @throws VarveError `IMAGE_NOT_FOUND` where there is none, `USAGE` where there is something else, and what talking to the registry throws
 */
export async function pruneSharedCache(
  client: RegistryClient,
  options: PruneSharedCacheOptions,
): Promise<PrunedSharedCache> {
  const { now, maxAge = DEFAULT_MAX_AGE, maxEntries = Number.POSITIVE_INFINITY, onNote } = options;
  const store = registryStore(client, options);
  const today = Math.floor(now / DAY);
  const anchor = await store.anchor();
  if (anchor === "foreign") throw notACache(store);
  const isThere = blobsAmong(client, options);
  for (let attempt = 1; ; attempt++) {
    const open = await openSegments(store);
    const { live, replaced, garbage, missing } = open;
    if (anchor === "absent" && live.length + garbage.length + missing.length === 0) {
      throw new VarveError("IMAGE_NOT_FOUND", `there is no cache in ${store.name}`);
    }
    let [old, gone] = [0, 0];
    const keep = async (records: readonly SharedRecord[]) => {
      const young = youngest(records, { since: today - maxAge, maxEntries });
      const sound = await withWhole(young, isThere);
      old = records.length - young.length;
      gone = young.length - sound.length;
      return sound;
    };
    const merged = await mergeSegments(store, live, { open, today, keep, isSame: () => old + gone === 0 });
    if (merged === undefined && attempt < ATTEMPTS) continue;
    if (merged === undefined) {
      throw new VarveError(
        "NETWORK",
        `${store.name} can't be pruned while others write to it all the time; try again`,
      );
    }
    const removed = (await removeAll(store, missing)) && merged.removed;
    if (!removed)
      onNote?.(`the registry of ${store.name} removes nothing, so its old parts stay there, unused`);
    const before = live.length + replaced.length + garbage.length + missing.length;
    const after = merged.segment === undefined ? 0 : 1;
    const broken = garbage.length + missing.length;
    return { kept: merged.records.length, old, gone, broken, segments: { before, after }, removed };
  }
}

/** Records that were used since a day; of too many those that were used last. */
function youngest(
  records: readonly SharedRecord[],
  { since, maxEntries }: { readonly since: number; readonly maxEntries: number },
): readonly SharedRecord[] {
  const young = records.filter(({ day }) => day >= since);
  return young.length <= maxEntries ? young : usedLast(young, maxEntries);
}

/** Without blobs that aren't there, and blobs of layers that aren't known any more, to which nothing leads. */
async function withWhole(
  records: readonly SharedRecord[],
  isThere: ((digest: Digest) => Promise<boolean>) | undefined,
): Promise<readonly SharedRecord[]> {
  const layers = new Set(records.flatMap(({ kind, key }) => (kind === "layer" ? key : [])));
  const known = records.filter(({ kind, key }) => kind !== "blob" || layers.has(key));
  if (isThere === undefined) return known;
  const blobs = [...new Set(known.flatMap(({ kind, digest }) => (kind === "blob" ? digest : [])))];
  const lost = new Set<Digest>();
  for (let at = 0; at < blobs.length; at += AT_ONCE) {
    const batch = blobs.slice(at, at + AT_ONCE);
    const found = await Promise.all(batch.map(isThere));
    for (const [index, digest] of batch.entries()) if (!found[index]) lost.add(digest);
  }
  return known.filter(({ kind, digest }) => kind !== "blob" || !lost.has(digest));
}

function blobsAmong(
  client: RegistryClient,
  { blobsIn, signal }: Pick<PruneSharedCacheOptions, "blobsIn" | "signal">,
): ((digest: Digest) => Promise<boolean>) | undefined {
  if (blobsIn === undefined || blobsIn.length === 0) return undefined;
  return async (digest) => {
    for (const repository of blobsIn) {
      if ((await client.headBlob({ repository, digest, signal })) !== undefined) return true;
    }
    return false;
  };
}

/**
 * Segments of a cache that nobody reads any more, since others have all that they have, or since they are garbage.
 * @returns their tags
 * @throws VarveError whatever talking to the registry throws
 */
export async function unneededSegments(
  client: RegistryClient,
  options: { readonly reference: Reference; readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  const { replaced, garbage } = await openSegments(registryStore(client, options));
  const tag = cacheTag(options.reference);
  return [...replaced, ...garbage].map((segment) => segmentTag(tag, segment));
}
