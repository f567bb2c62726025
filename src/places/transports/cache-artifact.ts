/**
 * A digest cache that several machines share, stored in a registry as an artifact: OCI image specification, manifest.md, "Guidelines for
 * Artifact Usage". Its one layer has the entries of a cache as JSON Lines, compressed.
 */
import { randomInt } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { zstdCompress as zstdCompressCallback, zstdDecompress as zstdDecompressCallback } from "node:zlib";
import { type CacheEntry, type DigestCache, decodeEntries, encodeEntries } from "#cache";
import { cancelled, VarveError } from "#errors";
import {
  type Descriptor,
  type Digest,
  digestOf,
  encodeDocument,
  formatReference,
  type Manifest,
  MediaType,
  type RawDocument,
  type Reference,
} from "#oci";
import type { RegistryClient } from "#registry";
import { bytesSource, collect } from "#util";

const zstdCompress = promisify(zstdCompressCallback);
const zstdDecompress = promisify(zstdDecompressCallback);

/** The artifact type in the manifest. */
export const CACHE_ARTIFACT_TYPE = "application/vnd.varve.cache.v1";

const LAYER_TYPE = "application/vnd.varve.cache.entries.v1.jsonl+zstd";

/** OCI image specification, manifest.md, "Guidance for an Empty Descriptor". */
const EMPTY_CONFIG = encodeDocument({}, "application/vnd.oci.empty.v1+json");

/** More entries than a fleet of machines uses within months. */
const MAX_ENTRIES = 200_000;

/** In bytes. A larger index isn't read: {@link MAX_ENTRIES} entries take about 50 MB before compression. */
const MAX_INDEX = 64 * 1024 * 1024;

/** How often an index is merged and put again because others wrote at the same time. */
const MAX_ATTEMPTS = 20;

/**
 * How long to wait, in milliseconds, before looking whether an index that was put has stayed: longer than another writer
 * takes from its last look at the tag to its own putting.
 */
const SETTLING_TIME = 300;

export interface CacheIndexOptions {
  /** The tag that names the index. */
  readonly reference: Reference;
  readonly cache: DigestCache;
  /** Receives a sentence if an index couldn't be used, or only in part. */
  readonly onNote?: ((sentence: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PushCacheIndexOptions extends CacheIndexOptions {
  /** Waits so many milliseconds; only tests replace it. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/** The result of pulling an index. */
export interface PulledCacheIndex {
  /** Whether there was one, and all of it could be read. */
  readonly found: boolean;
  /** Entries that are new here. */
  readonly added: number;
  /** Entries that were known here already. */
  readonly known: number;
}

/** The result of pushing an index. */
export interface PushedCacheIndex {
  /** The manifest at the tag; undefined where there was nothing to push and nothing there. */
  readonly digest: Digest | undefined;
  /** Entries in the index as it is now. */
  readonly entries: number;
  /** Those of them that the registry didn't have. */
  readonly added: number;
}

/**
 * Adds the entries of an index in a registry to a cache. A missing index isn't reported. One that can't be reached or read, or
 * that is something else, is reported through `onNote`, and the cache stays as it is.
 * @throws VarveError `ABORTED`
 */
export async function pullCacheIndex(
  client: RegistryClient,
  { reference, cache, onNote, signal }: CacheIndexOptions,
): Promise<PulledCacheIndex> {
  try {
    const index = await readIndex(client, { reference, onNote, signal });
    if (index !== undefined) {
      const { added, known } = cache.importEntries(index.entries);
      return { found: index.sound, added, known };
    }
  } catch (error) {
    if (!(error instanceof VarveError) || error.code === "ABORTED") throw error;
    onNote?.(`the cache in ${formatReference(reference)} is not used: ${error.message}`);
  }
  return { found: false, added: 0, known: 0 };
}

/**
 * Merges a cache's portable entries into the index in a registry; other machines' entries stay. If nothing is new, nothing is
 * written. A broken index is replaced, and reported through `onNote`.
 *
 * Registries can't replace a tag on condition that nobody else has replaced it. So the tag is read right before an index is
 * put and some time after; a writer that then finds another index there merges again.
 * @throws VarveError `USAGE` where the tag names something else, which stays as it is, or the reference has no tag; and
 *   whatever talking to the registry throws
 */
export async function pushCacheIndex(
  client: RegistryClient,
  options: PushCacheIndexOptions,
): Promise<PushedCacheIndex> {
  const { reference, cache, onNote, signal } = options;
  const pause = options.pause ?? ((milliseconds) => settle(milliseconds, signal));
  const name = formatReference(reference);
  if (reference.tag === undefined || reference.digest !== undefined) {
    throw new VarveError("USAGE", `a cache can't be kept in ${name}: give a tag, and no digest`);
  }
  const own = [...cache.exportEntries()];
  let added = 0;
  for (let attempt = 1; ; attempt++) {
    const present = await readIndex(client, { reference, onNote, signal });
    const there = new Map(present?.entries.map((entry) => [nameOf(entry), entry]));
    const fresh = own.filter((entry) => !isSame(there.get(nameOf(entry)), entry));
    if (fresh.length === 0 && present?.sound !== false) {
      return { digest: present?.digest, entries: there.size, added };
    }
    if (attempt > MAX_ATTEMPTS) {
      onNote?.(`the cache in ${name} lacks entries of this machine, since others write to it all the time`);
      return { digest: present?.digest, entries: there.size, added: 0 };
    }
    const merged = merge(own, there.values());
    const manifest = await uploadIndex(client, { reference, entries: merged, signal });
    const { bytes, descriptor } = manifest;
    if ((await digestAt(client, { reference, signal })) === present?.digest) {
      await client.putManifest({ reference, bytes, mediaType: descriptor.mediaType, signal });
      added = fresh.length;
      await pause(SETTLING_TIME);
      if ((await digestAt(client, { reference, signal })) === descriptor.digest) {
        return { digest: descriptor.digest, entries: merged.length, added };
      }
    }
    // Writers that got in each other's way should not do so again.
    await pause(randomInt(SETTLING_TIME));
  }
}

async function settle(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, { signal }).catch(() => {
    throw cancelled("pushing the cache");
  });
}

function nameOf({ kind, key }: CacheEntry): string {
  return `${kind} ${key}`;
}

function isSame(a: CacheEntry | undefined, b: CacheEntry): boolean {
  return a !== undefined && a.digest === b.digest && a.size === b.size;
}

/** Entries of both; of two with the same key the first. What doesn't fit in an index is left out, the last first. */
function merge(own: readonly CacheEntry[], others: Iterable<CacheEntry>): CacheEntry[] {
  const merged = new Map(own.map((entry) => [nameOf(entry), entry]));
  for (const entry of others) {
    if (!merged.has(nameOf(entry))) merged.set(nameOf(entry), entry);
  }
  return [...merged.values()].slice(0, MAX_ENTRIES);
}

type Access = Pick<CacheIndexOptions, "reference" | "onNote" | "signal">;

/** An index as it is in a registry. */
interface RemoteIndex {
  /** Of its manifest. */
  readonly digest: Digest;
  readonly entries: readonly CacheEntry[];
  /** Whether all of it could be read. */
  readonly sound: boolean;
}

/**
 * Reads what a reference names; undefined where that is nothing.
 * @throws VarveError `USAGE` for something that isn't varve's cache; and whatever talking to the registry throws
 */
async function readIndex(client: RegistryClient, access: Access): Promise<RemoteIndex | undefined> {
  const { reference, onNote, signal } = access;
  const name = formatReference(reference);
  const found = await client.getManifest({ reference, signal }).catch((error: unknown) => {
    if (error instanceof VarveError && error.code === "IMAGE_NOT_FOUND") return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  if (found.kind === "index" || found.document.value.artifactType !== CACHE_ARTIFACT_TYPE) {
    throw new VarveError(
      "USAGE",
      `${name} is not a cache of varve's; name a tag that nothing else is kept under`,
    );
  }
  const { value, descriptor } = found.document;
  const { digest } = descriptor;
  try {
    const { entries, broken } = decodeEntries(await readEntries(client, value, access));
    const portable = entries.filter((entry) => entry.portable);
    const faults = broken + entries.length - portable.length;
    if (faults > 0) onNote?.(`the cache in ${name} has ${faults} broken entries, which are left out`);
    return { digest, entries: portable, sound: faults === 0 };
  } catch (error) {
    if (!isDamage(error)) throw error;
    onNote?.(`the cache in ${name} is broken and not used: ${(error as Error).message}`);
    return { digest, entries: [], sound: false };
  }
}

async function readEntries(
  client: RegistryClient,
  { layers }: Manifest,
  { reference, signal }: Access,
): Promise<Uint8Array> {
  const [layer] = layers;
  if (layer === undefined || layers.length !== 1 || layer.mediaType !== LAYER_TYPE) {
    throw new VarveError("INVALID_IMAGE", "its manifest doesn't name one layer of entries");
  }
  const tooLarge = () => new VarveError("TOO_LARGE", "its entries are larger than any that varve writes");
  if (layer.size > MAX_INDEX) throw tooLarge();
  const { repository } = reference;
  const bytes = await collect(client.getBlob({ repository, descriptor: layer, signal }), MAX_INDEX, tooLarge);
  return await zstdDecompress(bytes, { maxOutputLength: MAX_INDEX }).catch((cause: unknown) => {
    throw new VarveError("INVALID_IMAGE", "its entries don't decompress", { cause });
  });
}

/** Whether what the registry returned can't be used, and trying again won't help. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof VarveError)) return false;
  // The registry room's class of errors isn't used here, because the HTTP client would be loaded with it.
  if ((error as { status?: unknown }).status === 404) return true;
  const codes = ["INVALID_IMAGE", "TOO_LARGE", "DIGEST_MISMATCH", "SIZE_MISMATCH"];
  return codes.includes(error.code);
}

/** Uploads an index's blobs, and returns the manifest that is still to be put. */
async function uploadIndex(
  client: RegistryClient,
  { reference, entries, signal }: Access & { readonly entries: readonly CacheEntry[] },
): Promise<RawDocument<Manifest>> {
  const { repository } = reference;
  const bytes = await zstdCompress(encodeEntries(entries));
  const layer: Descriptor = { mediaType: LAYER_TYPE, digest: digestOf(bytes), size: bytes.length };
  const config = EMPTY_CONFIG.descriptor;
  for (const [descriptor, content] of [
    [config, EMPTY_CONFIG.bytes],
    [layer, bytes],
  ] as const) {
    const { digest } = descriptor;
    if ((await client.headBlob({ repository, digest, signal })) !== undefined) continue;
    await client.uploadBlob({ descriptor, ...bytesSource(content) }, { repository, signal });
  }
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: CACHE_ARTIFACT_TYPE,
    config,
    layers: [layer],
  };
  return encodeDocument(manifest, MediaType.ociManifest);
}

/** The digest of what a tag names now; undefined where that is nothing. */
async function digestAt(client: RegistryClient, { reference, signal }: Access): Promise<Digest | undefined> {
  const head = await client.headManifest({ reference, signal });
  if (head === undefined || head.digest !== undefined) return head?.digest;
  // Some registries say it only with the manifest itself.
  return (await client.getManifest({ reference, signal })).document.descriptor.digest;
}
