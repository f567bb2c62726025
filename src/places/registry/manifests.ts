import {
  algorithmOf,
  type Digest,
  digestOf,
  formatReference,
  MAX_MANIFEST_BYTES,
  type ManifestOrIndex,
  MediaType,
  parseManifestOrIndex,
  type Reference,
} from "#oci";

import { oneLine } from "#util";

import { checkSaid, mayBeManifest, saidDigest } from "./download.ts";
import { RegistryFailure } from "./http/failure.ts";

import { checkDigest, discard, type HttpResponse, readBody, statusFailure } from "./http/http.ts";
import { pullScope, pushScope, type RegistryApi } from "./http/registry-api.ts";

/** What a registry is asked for by default. */
const MANIFEST_TYPES: readonly string[] = [
  MediaType.ociIndex,
  MediaType.ociManifest,
  MediaType.dockerManifestList,
  MediaType.dockerManifest,
];

/** Which manifest; if the reference has a digest, it is asked for by that. */
export interface ManifestRequest {
  readonly reference: Reference;
  /** The media types wanted; manifests and indexes of OCI and Docker unless said. */
  readonly accept?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a registry says of a manifest without sending it. */
export interface ManifestHead {
  readonly digest: Digest | undefined;
  readonly mediaType: string | undefined;
  readonly size: number | undefined;
}

/** A manifest or an index, and by which mark the registry tells whether its tag has another since. */
export interface FetchedManifest {
  readonly document: ManifestOrIndex;
  /** Undefined where the registry gives none that can be compared (RFC 9110, section 8.8.3). */
  readonly etag: string | undefined;
}

/** Fetches a manifest or an index, checked: its digest, its size, its type, and what it says of itself. */
export async function getManifest(api: RegistryApi, request: ManifestRequest): Promise<ManifestOrIndex> {
  const { reference } = request;
  const found = await fetchManifest(api, request);
  if (found !== undefined) return found.document;
  throw new RegistryFailure("IMAGE_NOT_FOUND", `${reference.registry} has no ${formatReference(reference)}`, {
    status: 404,
  });
}

/** As {@link getManifest}; undefined if the registry doesn't have it. */
export async function fetchManifest(
  api: RegistryApi,
  request: ManifestRequest,
): Promise<FetchedManifest | undefined> {
  const { reference, signal } = request;
  const what = nameOf(reference);
  const response = await ask(api, "GET", request);
  if (response.status === 404) {
    await discard(response);
    return undefined;
  }
  if (response.status !== 200) throw await statusFailure(response, what);
  const contentType = response.headers.get("content-type");
  if (!mayBeManifest(contentType)) {
    response.body.destroy();
    throw new RegistryFailure(
      "REGISTRY_PROTOCOL",
      `${response.url.host} answered ${oneLine(contentType ?? "", 60)} for ${what}`,
    );
  }
  const said = saidDigest(response, what);
  const bytes = await readBody(response, { what, limit: MAX_MANIFEST_BYTES, signal });
  for (const expected of [reference.digest, said]) {
    if (expected !== undefined) checkDigest(digestOf(bytes, algorithmOf(expected)), expected, what);
  }
  const origin = { what, mediaType: contentType, digest: reference.digest };
  const etag = /^"[^"]*"$/.exec(response.headers.get("etag") ?? "")?.[0];
  return { document: parseManifestOrIndex(bytes, origin), etag };
}

/** Asks what a reference points to; undefined if the registry doesn't have it. */
export async function headManifest(
  api: RegistryApi,
  request: ManifestRequest,
): Promise<ManifestHead | undefined> {
  const what = nameOf(request.reference);
  const response = await ask(api, "HEAD", request);
  await discard(response);
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw await statusFailure(response, what);
  const digest = saidDigest(response, what);
  if (request.reference.digest !== undefined) checkSaid(digest, request.reference.digest, what);
  const length = response.headers.get("content-length") ?? "";
  return {
    digest,
    mediaType: response.headers.get("content-type")?.replace(/;.*/s, "").trim(),
    size: /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined,
  };
}

function ask(api: RegistryApi, method: "GET" | "HEAD", request: ManifestRequest): Promise<HttpResponse> {
  const { reference, accept = MANIFEST_TYPES, signal } = request;
  const { repository } = reference;
  return api.send({
    method,
    target: pathOf(reference, reference.digest ?? reference.tag),
    what: nameOf(reference),
    repository,
    scopes: [pullScope(repository)],
    headers: { accept: accept.join(", ") },
    signal,
  });
}

/** A manifest to be put. */
export interface ManifestUpload {
  /** Where: under the tag if it has one, else under its digest. */
  readonly reference: Reference;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly signal?: AbortSignal | undefined;
}

/** Puts a manifest or an index: OCI distribution specification, "Pushing Manifests". Returns its digest. */
export async function putManifest(api: RegistryApi, upload: ManifestUpload): Promise<Digest> {
  return (await sendManifest(api, upload)).digest;
}

/** A manifest that a registry has taken. */
export interface SentManifest {
  readonly digest: Digest;
  /** Of the subject whose referrers the registry lists it among; undefined where it didn't say so. */
  readonly subject: string | undefined;
}

/**
 * {@link putManifest}, and whether the registry has read whom the manifest refers to: "Pushing Manifests with Subject".
 * @param upload - with `ifMatch` only while the tag has what has this mark, where the registry heeds that; else status 412
 */
export async function sendManifest(
  api: RegistryApi,
  upload: ManifestUpload & { readonly ifMatch?: string | undefined },
): Promise<SentManifest> {
  const { reference, bytes, mediaType, signal, ifMatch } = upload;
  const { repository } = reference;
  const what = nameOf(reference);
  const digest = digestOf(bytes, reference.digest && algorithmOf(reference.digest));
  if (reference.digest !== undefined) checkDigest(digest, reference.digest, what);
  const response = await api.send({
    method: "PUT",
    target: pathOf(reference, reference.tag ?? digest),
    what,
    repository,
    scopes: [pushScope(repository)],
    headers: { "content-type": mediaType, ...(ifMatch !== undefined && { "if-match": ifMatch }) },
    body: { bytes },
    // The same bytes under the same name: putting them again changes nothing.
    retry: true,
    signal,
  });
  if (response.status < 200 || response.status > 204) throw await statusFailure(response, what);
  await discard(response);
  const said = saidDigest(response, what);
  // A registry may call it by another algorithm's digest.
  if (said !== undefined) {
    const received = `what ${api.registry} received as ${what}`;
    checkDigest(said, digestOf(bytes, algorithmOf(said)), received);
  }
  return { digest, subject: response.headers.get("oci-subject") };
}

function pathOf({ repository }: Reference, name: string | undefined): string {
  return `/v2/${repository}/manifests/${name ?? "latest"}`;
}

function nameOf(reference: Reference): string {
  return `the manifest of ${formatReference(reference)}`;
}
