import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  type BlobKey,
  type CachedBlob,
  type CachedLayer,
  type ClaimSource,
  type DigestCache,
  type LayerKey,
  layerKey,
  openDigestCache,
} from "#cache";
import { digestOf } from "#oci";

/** A day at noon, in milliseconds. */
export const NOW = Date.UTC(2026, 5, 15, 12);
export const DAY = 24 * 60 * 60 * 1000;

/** The key of a layer that has a number. */
export function keyOf(number: number): LayerKey {
  return layerKey({ paths: [`/nix/store/${number}`], mtime: 1 });
}

/** What that layer is. */
export function layerOf(number: number): CachedLayer {
  return { diffId: digestOf(Buffer.from(`layer ${number}`)), size: number * 512, portable: true };
}

/** A blob of that layer. */
export function blobKeyOf(number: number): BlobKey {
  return { diffId: layerOf(number).diffId, algorithm: "gzip", level: 6, library: "zlib 1.3.1" };
}

export function blobOf(number: number): CachedBlob {
  return { digest: digestOf(Buffer.from(`blob ${number}`)), size: number * 100, portable: true };
}

/** Someone who claims what a cache has of its own. */
export function claimsOf(cache: DigestCache): ClaimSource {
  const { records, bases } = cache.sharable();
  return {
    layers: async (keys) => records.filter(({ key }) => keys.includes(key)),
    base: async (key) => bases.get(key),
  };
}

export function openAt(folder: string, now = NOW): DigestCache {
  return openDigestCache({ folder, now: () => now });
}

/** A cache whose clock can be set. */
export function openWithClock(folder: string): { cache: DigestCache; clock: { now: number } } {
  const clock = { now: NOW };
  return { cache: openDigestCache({ folder, now: () => clock.now }), clock };
}

/** The files in a cache that look like entries, or those that were left aside. */
export function filesIn(folder: string, ending: ".json" | ".tmp" = ".json"): string[] {
  let found: Dirent[] = [];
  try {
    found = readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch {
    // There is no cache yet.
  }
  return found
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
