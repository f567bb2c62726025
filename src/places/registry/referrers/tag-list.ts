/** Referrers in a registry that has no API for them: OCI distribution specification, "Referrers Tag Schema". */
import { VarveError } from "#errors";
import { type Descriptor, type Digest, formatReference, type ImageIndex, type Reference } from "#oci";
import { encodeReferrers, referrersIndex, referrersTag, withReferrers } from "#referrers";
import type { RegistryApi } from "../http/registry-api.ts";
import { fetchManifest, sendManifest } from "../manifests.ts";

/**
 * How often a list is read and put again because others wrote at the same time. Of writers that get in each other's way one
 * succeeds each time, so this many may write at once.
 */
const MAX_ATTEMPTS = 30;

/** How long to wait, in milliseconds, before looking whether a list has stayed: longer than another writer takes from reading to putting. */
const SETTLING_TIME = 300;

/** Where a list is. */
export interface TagList {
  readonly repository: string;
  /** What the listed refer to. */
  readonly subject: Digest;
  readonly signal?: AbortSignal | undefined;
}

/** The list at a subject's tag; empty where there is none. */
export async function readTagList(api: RegistryApi, list: TagList): Promise<readonly Descriptor[]> {
  return (await read(api, list))?.index.manifests ?? [];
}

/**
 * Adds entries to the list at a subject's tag; those of others stay.
 *
 * Few registries replace a tag on condition that nobody else has replaced it. Where one gives an ETag it is asked to; everywhere the
 * list is read right before it is put, and some time after: who then misses an entry adds it again.
 * @throws VarveError `CONFLICT` where others write all the time
 */
export async function addToTagList(
  api: RegistryApi,
  list: TagList,
  entries: readonly Descriptor[],
): Promise<void> {
  const { signal } = list;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const found = await read(api, list);
    const index = withReferrers(found?.index, entries);
    if (index === undefined) return;
    await replace(api, list, { index, etag: found?.etag });
    await api.http.backoff.pause(SETTLING_TIME, signal);
  }
  if (withReferrers((await read(api, list))?.index, entries) === undefined) return;
  throw new VarveError(
    "CONFLICT",
    `the list of referrers at ${nameOf(api, list)} was replaced by others ${MAX_ATTEMPTS} times in a row; try again when they are done`,
  );
}

async function read(
  api: RegistryApi,
  list: TagList,
): Promise<{ index: ImageIndex; etag: string | undefined } | undefined> {
  const { signal } = list;
  const found = await fetchManifest(api, { reference: referenceOf(api, list), signal });
  if (found === undefined) return undefined;
  const { value } = referrersIndex(found.document, nameOf(api, list));
  return { index: value, etag: found.etag };
}

async function replace(
  api: RegistryApi,
  list: TagList,
  { index, etag }: { index: ImageIndex; etag: string | undefined },
): Promise<void> {
  const { bytes, descriptor } = encodeReferrers(index, nameOf(api, list));
  await sendManifest(api, {
    ...{ reference: referenceOf(api, list), bytes, mediaType: descriptor.mediaType, signal: list.signal },
    ifMatch: etag,
  }).catch((error: unknown) => {
    // Somebody else was faster: what they wrote is read in the next attempt.
    if (!(error instanceof VarveError) || (error as { status?: unknown }).status !== 412) throw error;
  });
}

function referenceOf({ registry }: RegistryApi, { repository, subject }: TagList): Reference {
  return { registry, repository, tag: referrersTag(subject) };
}

function nameOf(api: RegistryApi, list: TagList): string {
  return formatReference(referenceOf(api, list));
}
