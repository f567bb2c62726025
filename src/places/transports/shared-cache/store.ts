/**
 * Where the segments of a shared cache are. What it must be able to do is little, so that nothing rests on more than all registries have:
 * to put something under a name that nothing else has, to list such names, and perhaps to remove one.
 */
import { randomInt } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { cancelled, VarveError } from "#errors";
import {
  type Descriptor,
  type Digest,
  digestOf,
  formatReference,
  type Manifest,
  type RawDocument,
  type Reference,
} from "#oci";
import type { RegistryClient } from "#registry";
import { bytesSource, collect } from "#util";
import {
  anchorManifest,
  CACHE_ARTIFACT_TYPE,
  cacheTag,
  EMPTY,
  parseSegmentTag,
  segmentManifest,
  segmentPrefix,
  segmentTag,
} from "./names.ts";

/** A blob of a shared cache, known by what its tag or its record says. */
export interface SegmentName {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
}

/** Whether the tag of a cache names one. */
export type AnchorState = "present" | "absent" | "foreign";

/** The segments of one cache. All but {@link SegmentStore.remove} can be done again without changing anything. */
export interface SegmentStore {
  /** What it is called, for sentences. */
  readonly name: string;
  anchor(): Promise<AnchorState>;
  putAnchor(): Promise<void>;
  list(): Promise<SegmentName[]>;
  /** All of a blob; undefined if it isn't there, or isn't what it is called. */
  read(blob: SegmentName): Promise<Uint8Array | undefined>;
  /** A part of a blob, which may be other bytes, or the whole; undefined if it isn't there. */
  readPart(
    blob: SegmentName,
    part: { readonly from: number; readonly to: number },
  ): Promise<{ readonly from: number; readonly bytes: Uint8Array } | undefined>;
  /** Stores a blob that a segment is going to name. */
  putNotes(bytes: Uint8Array): Promise<SegmentName>;
  hasNotes(notes: SegmentName): Promise<boolean>;
  /** Stores a segment. When it returns, the segment is listed. */
  put(bytes: Uint8Array, notes: readonly SegmentName[]): Promise<SegmentName>;
  /** @returns false where nothing can be removed */
  remove(segment: SegmentName): Promise<boolean>;
}

export interface RegistryStoreOptions {
  readonly reference: Reference;
  readonly signal?: AbortSignal | undefined;
  /** Waits so many milliseconds; only tests replace it. */
  readonly pause?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** How often a manifest is put that a registry refuses. */
const PUT_ATTEMPTS = 6;

/** In milliseconds: a blob that several send at the same time isn't there for a moment in registries that write over files. */
const PUT_PAUSE = 200;

/** More tags of one cache than this aren't looked at. */
const MAX_LISTED = 100_000;

/** The segments of a cache in a registry. @throws VarveError `USAGE` for a reference without a tag */
export function registryStore(
  client: RegistryClient,
  { reference, signal, pause = (milliseconds) => wait(milliseconds, signal) }: RegistryStoreOptions,
): SegmentStore {
  const { registry, repository } = reference;
  const tag = cacheTag(reference);
  const at = (name: string): Reference => ({ registry, repository, tag: name });

  const putBlob = async (bytes: Uint8Array): Promise<SegmentName> => {
    const descriptor: Descriptor = {
      mediaType: "application/octet-stream",
      digest: digestOf(bytes),
      size: bytes.length,
    };
    const { digest, size } = descriptor;
    if ((await client.headBlob({ repository, digest, signal })) === undefined) {
      await client.uploadBlob({ descriptor, ...bytesSource(bytes) }, { repository, signal });
    }
    return { digest, size };
  };
  const putManifest = async (name: string, { bytes, descriptor }: RawDocument<Manifest>) => {
    for (let attempt = 1; ; attempt++) {
      await putBlob(EMPTY.bytes);
      try {
        await client.putManifest({ reference: at(name), bytes, mediaType: descriptor.mediaType, signal });
        return;
      } catch (error) {
        const { status } = error as { status?: unknown };
        if (attempt === PUT_ATTEMPTS || (status !== 400 && status !== 404)) throw error;
        await pause(randomInt(PUT_PAUSE * attempt));
      }
    }
  };

  return {
    name: formatReference(reference),
    async anchor() {
      const found = await unlessGone(() => client.getManifest({ reference: at(tag), signal }));
      if (found === undefined) return "absent";
      const isCache = found.kind !== "index" && found.document.value.artifactType === CACHE_ARTIFACT_TYPE;
      return isCache ? "present" : "foreign";
    },
    putAnchor: () => putManifest(tag, anchorManifest()),
    async list() {
      const prefix = segmentPrefix(tag);
      const found = new Map<string, SegmentName>();
      for await (const tags of client.listTags({ repository, after: prefix, signal })) {
        const own = tags.filter((name) => name.startsWith(prefix));
        for (const name of own) {
          const segment = parseSegmentTag(name);
          if (segment !== undefined && found.size < MAX_LISTED) found.set(segment.digest, segment);
        }
        // In the order of their bytes, nothing behind these can begin with the prefix.
        if (own.length === 0 && tags.length > 0 && tags.every((name) => name > prefix)) break;
      }
      return [...found.values()].map(({ digest, size }) => ({ digest, size }));
    },
    read: (blob) =>
      unlessGone(() =>
        collect(client.getBlob({ repository, descriptor: blob, signal }), blob.size, () => tooLong(blob)),
      ),
    readPart: (blob, part) =>
      unlessGone(() => client.getBlobPart({ repository, descriptor: blob, ...part, signal })),
    putNotes: putBlob,
    async hasNotes({ digest }) {
      return (await client.headBlob({ repository, digest, signal })) !== undefined;
    },
    async put(bytes, notes) {
      const segment = await putBlob(bytes);
      await putManifest(segmentTag(tag, segment), segmentManifest(segment, notes));
      return segment;
    },
    async remove(segment) {
      const head = await client.headManifest({ reference: at(segmentTag(tag, segment)), signal });
      if (head === undefined) return true;
      const digest =
        head.digest ??
        // Some registries say it only with the manifest itself.
        (await unlessGone(() => client.getManifest({ reference: at(segmentTag(tag, segment)), signal })))
          ?.document.descriptor.digest;
      if (digest === undefined) return true;
      return (await client.remove({ repository, kind: "manifests", digest, signal })) !== "refused";
    },
  };
}

/** @throws VarveError `ABORTED` */
export async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(milliseconds, undefined, { signal }).catch(() => {
    throw cancelled("pushing the cache");
  });
}

function tooLong({ digest }: SegmentName): VarveError {
  return new VarveError("SIZE_MISMATCH", `${digest} is longer than it should be`);
}

/** What the registry can't give though it answers: it isn't there, or is broken. Asking again won't help. */
async function unlessGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    // The registry room's class of errors isn't used here, because the HTTP client would be loaded with it.
    if ((error as { status?: unknown }).status === 404) return undefined;
    if (["DIGEST_MISMATCH", "SIZE_MISMATCH"].includes(error.code)) return undefined;
    throw error;
  }
}
