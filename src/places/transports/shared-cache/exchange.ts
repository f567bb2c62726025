/** What is read from a shared cache, and what is put there. */
import { promisify } from "node:util";
import { zstdCompress as zstdCompressCallback, zstdDecompress as zstdDecompressCallback } from "node:zlib";
import {
  type ClaimSource,
  type DigestCache,
  encodeSegment,
  isAfter,
  NO_SUB,
  recordName,
  type Sharable,
  type SharedRecord,
} from "#cache";
import { VarveError } from "#errors";
import { formatReference, type Reference } from "#oci";
import type { RegistryClient } from "#registry";
import { lookUp, type OpenSegments, openSegments } from "./open.ts";
import { registryStore, type SegmentStore, wait } from "./store.ts";
import { type TidyOptions, tidy } from "./tidy.ts";

const zstdCompress = promisify(zstdCompressCallback);
const zstdDecompress = promisify(zstdDecompressCallback);

const DAY = 24 * 60 * 60 * 1000;

/** In bytes: larger notes about a base aren't kept on this machine either. */
const MAX_NOTES = 16 * 1024 * 1024;

/** In days: what was used by others so shortly before isn't told to have been used again. */
const REFRESH = 7;

/** How often a segment is looked for again that another writer has merged in the meantime. */
const ATTEMPTS = 3;

export interface SharedCacheOptions {
  /** The tag that names the cache. */
  readonly reference: Reference;
  readonly cache: DigestCache;
  /** Receives a sentence if the cache couldn't be used, or only in part. */
  readonly onNote?: ((sentence: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PullSharedCacheOptions extends SharedCacheOptions {
  /** Believes what the cache says of bases' names and links, which nothing can check without reading the base; otherwise that is left out. */
  readonly trustBases?: boolean | undefined;
  /**
   * Believes what the cache says of which blob a layer is when it is compressed. What is in a layer is seen here in any case, and stands in the
   * image's config, with which what is unpacked can be compared.
   */
  readonly trustLayers?: boolean | undefined;
}

export interface PushSharedCacheOptions extends SharedCacheOptions {
  /** Waits so many milliseconds; only tests replace it. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/** The result of pushing to a shared cache. */
export interface PushedSharedCache {
  /** Records that it didn't have, or that nobody had used for a week. */
  readonly added: number;
}

/**
 * Has a cache ask a shared one in a registry for what it doesn't know. A missing one isn't reported. One that can't be reached or read,
 * or that is something else, is reported through `onNote`, and knows nothing.
 * @returns whether there is one
 * @throws VarveError `ABORTED`
 */
export async function pullSharedCache(
  client: RegistryClient,
  options: PullSharedCacheOptions,
): Promise<boolean> {
  const { cache, trustBases = false, trustLayers = false } = options;
  const source = await quietly(options, async () => {
    const store = registryStore(client, options);
    const anchor = await store.anchor();
    if (anchor === "foreign") throw notACache(store);
    return anchor === "absent" ? undefined : new Source(store, { ...options, trustBases, trustLayers });
  });
  if (source === undefined) return false;
  const name = formatReference(options.reference);
  cache.addClaims(name, source);
  const sources = pulled.get(cache) ?? new Map<string, Source>();
  pulled.set(cache, sources.set(name, source));
  return true;
}

/** What was read of shared caches, by the caches that they were read for and their names: it needn't be read again when they are written to. */
const pulled = new WeakMap<DigestCache, Map<string, Source>>();

/** Does without a shared cache rather than fail. */
async function quietly<T>(
  { reference, onNote }: Pick<SharedCacheOptions, "reference" | "onNote">,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof VarveError) || error.code === "ABORTED") throw error;
    onNote?.(`the cache in ${formatReference(reference)} is not used: ${error.message}`);
    return undefined;
  }
}

/** The error where a cache's tag names something else. */
export function notACache({ name }: SegmentStore): VarveError {
  return new VarveError(
    "USAGE",
    `${name} is not a cache of varve's; name a tag that nothing else is kept under`,
  );
}

function noteBroken(
  { name }: SegmentStore,
  { garbage, missing }: Pick<OpenSegments, "garbage" | "missing">,
  onNote: ((sentence: string) => void) | undefined,
): void {
  const count = garbage.length + missing.length;
  if (count === 0) return;
  onNote?.(
    `the cache in ${name} has ${count === 1 ? "a part that is" : `${count} parts that are`} broken and not used; varve cache prune --registry leaves out what is broken`,
  );
}

/** A shared cache, which is opened when it is first asked something: a machine that knows all asks nothing. */
class Source implements ClaimSource {
  readonly believed: boolean;
  readonly #store: SegmentStore;
  readonly #options: PullSharedCacheOptions;
  #open: Promise<OpenSegments> | undefined;
  /** What it was asked for, and what it said. */
  readonly #known = new Map<string, readonly SharedRecord[]>();

  constructor(store: SegmentStore, options: PullSharedCacheOptions) {
    this.#store = store;
    this.#options = options;
    this.believed = options.trustLayers === true;
  }

  async layers(keys: readonly string[]): Promise<readonly SharedRecord[]> {
    return (await quietly(this.#options, () => this.#find(keys))) ?? [];
  }

  async base(key: string): Promise<Uint8Array | undefined> {
    if (!this.#options.trustBases) return undefined;
    return await quietly(this.#options, async () => {
      const record = (await this.#find([key])).find(({ kind }) => kind === "base");
      if (record === undefined || record.size > MAX_NOTES) return undefined;
      const bytes = await this.#store.read(record);
      return bytes && (await zstdDecompress(bytes, { maxOutputLength: MAX_NOTES }).catch(() => undefined));
    });
  }

  async #find(keys: readonly string[]): Promise<readonly SharedRecord[]> {
    const today = todayOf(this.#options.cache);
    this.#open ??= this.#opened();
    const { found, open } = await findRecords(this.#store, await this.#open, { keys, today });
    this.#open = Promise.resolve(open);
    if (found.broken > 0)
      noteBroken(this.#store, { ...open, garbage: open.live.slice(0, 1) }, this.#options.onNote);
    const byKey = Map.groupBy(found.records, ({ key }) => key);
    for (const key of keys) this.#known.set(key, byKey.get(key) ?? []);
    return found.records;
  }

  /** What it has said, if it was asked for all of these keys and they were all known. */
  async said(keys: readonly string[]): Promise<Said | undefined> {
    const known = keys.map((key) => this.#known.get(key) ?? []);
    if (this.#open === undefined || known.some(({ length }) => length === 0)) return undefined;
    return { records: known.flat(), open: await this.#open };
  }

  async #opened(): Promise<OpenSegments> {
    const open = await openSegments(this.#store);
    noteBroken(this.#store, open, this.#options.onNote);
    return open;
  }
}

/** Records, and the segments that they were found in. */
interface Said {
  readonly records: readonly SharedRecord[];
  readonly open: OpenSegments;
}

/** Looks records up; again, if other writers have merged what they were in. */
async function findRecords(
  store: SegmentStore,
  first: OpenSegments,
  wanted: { readonly keys: readonly string[]; readonly today: number },
): Promise<{ found: Awaited<ReturnType<typeof lookUp>>; open: OpenSegments }> {
  let open = first;
  for (let attempt = 1; ; attempt++) {
    const found = await lookUp(store, open, wanted);
    if (found.missing === 0 || attempt === ATTEMPTS) return { found, open };
    open = await openSegments(store);
  }
}

/**
 * Adds to a shared cache what this cache has used since it was opened and is of use to others. If nothing of it is new, nothing is written.
 * @throws VarveError `USAGE` where the tag names something else, which stays as it is, or the reference has no tag; and
 *   whatever talking to the registry throws
 */
export async function pushSharedCache(
  client: RegistryClient,
  options: PushSharedCacheOptions,
): Promise<PushedSharedCache> {
  const { cache, onNote, signal, pause = (time) => wait(time, signal) } = options;
  const store = registryStore(client, options);
  const source = pulled.get(cache)?.get(formatReference(options.reference));
  return await pushTo(store, { ...cache.sharable(), today: todayOf(cache), pause, onNote, source });
}

/** As {@link pushSharedCache}, to any store. */
export async function pushTo(
  store: SegmentStore,
  {
    records: layers,
    bases,
    today,
    pause,
    onNote,
    source,
  }: Sharable & TidyOptions & { readonly source?: Pick<Source, "said"> | undefined },
): Promise<PushedSharedCache> {
  if (layers.length === 0 && bases.size === 0) return { added: 0 };
  const keys = [...new Set([...layers.map(({ key }) => key), ...bases.keys()])];
  const said = await source?.said(keys);
  const [anchor, first] = await Promise.all([store.anchor(), said?.open ?? openSegments(store)]);
  if (anchor === "foreign") throw notACache(store);
  const { found, open } =
    said === undefined ? await findRecords(store, first, { keys, today }) : { found: said, open: said.open };
  if (said === undefined) noteBroken(store, open, onNote);
  const there = new Map(found.records.map((record) => [recordName(record), record]));
  const fresh = layers.filter((record) => isNews(record, there.get(recordName(record))));
  for (const [key, content] of bases) {
    const name = { key, kind: "base", sub: NO_SUB } as const;
    const known = there.get(recordName(name));
    if (known !== undefined && known.day >= today - REFRESH) continue;
    const notes = await store.putNotes(await zstdCompress(content));
    fresh.push({ ...name, ...notes, day: today });
  }
  if (fresh.length === 0) return { added: 0 };
  if (anchor === "absent") await store.putAnchor();
  const notes = fresh.filter(({ kind }) => kind === "base");
  const segment = await store.put(encodeSegment({ records: fresh, replaced: [] }), notes);
  const before = [...first.live, ...first.replaced, ...first.garbage, ...first.missing];
  await tidy(store, { today, own: { segment, before }, pause, onNote });
  return { added: fresh.length };
}

/** Whether a record says something that isn't said yet, or was said too long ago. */
function isNews(record: SharedRecord, there: SharedRecord | undefined): boolean {
  if (there === undefined) return true;
  if (there.digest === record.digest && there.size === record.size) return there.day < record.day - REFRESH;
  return isAfter(record, there);
}

function todayOf(cache: DigestCache): number {
  return Math.floor(cache.now() / DAY);
}
