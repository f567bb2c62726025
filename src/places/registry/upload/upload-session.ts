import type { Digest } from "#oci";

import { oneLine } from "#util";

import { blobName, checkSaid, saidDigest } from "../download.ts";
import { RegistryFailure } from "../http/failure.ts";
import { discard, type HttpResponse, statusFailure } from "../http/http.ts";
import { pullScope, pushScope, type RegistryApi } from "../http/registry-api.ts";
import { isRetryStatus } from "../http/retry.ts";

/** An upload that a registry has begun. */
export interface UploadSession {
  readonly location: URL;
  /** How many bytes each part but the last must have at least, if the registry wants that. */
  readonly minPart: number;
}

/** No part is larger, whatever a registry asks for, since it is kept in memory. */
export const MAX_PART = 64 * 1024 * 1024;

/** Begins an upload: OCI distribution specification, "Pushing blobs". */
export async function startUpload(
  api: RegistryApi,
  { repository, signal }: { repository: string; signal?: AbortSignal | undefined },
): Promise<UploadSession> {
  const what = `an upload to ${api.registry}/${repository}`;
  const response = await api.send({
    method: "POST",
    target: `/v2/${repository}/blobs/uploads/`,
    what,
    repository,
    scopes: [pushScope(repository)],
    // Beginning an upload twice does no harm.
    retry: true,
    signal,
  });
  if (response.status < 200 || response.status > 204) throw await statusFailure(response, what);
  await discard(response);
  return sessionOf(response, await api.origin(), what);
}

/** The result of a mount. */
export type Mount =
  | { readonly mounted: true }
  | { readonly mounted: false; readonly session: UploadSession | undefined };

/** Mounts a blob from another repository of the registry: OCI distribution specification, "Mounting a blob from another repository". */
export async function mountBlob(
  api: RegistryApi,
  request: { repository: string; digest: Digest; from: string; signal?: AbortSignal | undefined },
): Promise<Mount> {
  const { repository, digest, from, signal } = request;
  const what = blobName(api, repository, digest);
  let response: HttpResponse;
  try {
    response = await api.send({
      method: "POST",
      target: `/v2/${repository}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`,
      what,
      repository,
      scopes: [pushScope(repository), pullScope(from)],
      retry: true,
      signal,
    });
  } catch (error) {
    // A user who may not read the other repository may still be able to write to this one.
    if (error instanceof RegistryFailure && error.code === "UNAUTHORIZED")
      return { mounted: false, session: undefined };
    throw error;
  }
  if (isRetryStatus(response.status)) throw await statusFailure(response, what);
  await discard(response);
  const { status, headers } = response;
  if (status < 200 || status > 204) return { mounted: false, session: undefined };
  const location = headers.get("location") ?? "";
  // 201 says that it is mounted; but some answer 201 with an upload to use.
  if (status === 201 && !/\/blobs\/uploads\//.test(location)) {
    const said = saidDigest(response, what);
    checkSaid(said, digest, what);
    return { mounted: true };
  }
  if (location === "") return { mounted: false, session: undefined };
  return { mounted: false, session: sessionOf(response, await api.origin(), what) };
}

/** The size of a blob if the registry has it; undefined when it doesn't. */
export async function headBlob(
  api: RegistryApi,
  { repository, digest, signal }: { repository: string; digest: Digest; signal?: AbortSignal | undefined },
): Promise<number | undefined> {
  const what = blobName(api, repository, digest);
  const response = await api.send({
    method: "HEAD",
    target: `/v2/${repository}/blobs/${digest}`,
    what,
    repository,
    scopes: [pullScope(repository)],
    signal,
  });
  if (response.status === 404) {
    await discard(response);
    return undefined;
  }
  if (response.status !== 200) throw await statusFailure(response, what);
  await discard(response);
  const said = saidDigest(response, what);
  checkSaid(said, digest, what);
  const length = response.headers.get("content-length") ?? "";
  if (!/^[0-9]{1,15}$/.test(length)) {
    throw new RegistryFailure("REGISTRY_PROTOCOL", `${api.registry} does not say the size of ${what}`);
  }
  return Number(length);
}

/** How much of an upload has arrived; undefined when the registry doesn't say. */
export async function uploadStatus(
  api: RegistryApi,
  {
    repository,
    session: upload,
    signal,
  }: { repository: string; session: UploadSession; signal?: AbortSignal | undefined },
): Promise<{ received: number; session: UploadSession } | undefined> {
  const what = `an upload to ${api.registry}/${repository}`;
  const scopes = [pushScope(repository)];
  const response = await api.send({
    method: "GET",
    target: upload.location,
    what,
    repository,
    scopes,
    signal,
  });
  if (response.status < 200 || response.status > 204) throw await statusFailure(response, what);
  await discard(response);
  const range = /^(?:bytes[= ])?0-([0-9]{1,15})$/.exec(response.headers.get("range") ?? "");
  if (range === null) return undefined;
  return { received: Number(range[1]) + 1, session: nextLocation(response, upload, await api.origin()) };
}

/** Cancels an upload: OCI distribution specification, "Cancel a blob upload". Never fails. */
export async function deleteUpload(
  api: RegistryApi,
  { repository, session: upload }: { repository: string; session: UploadSession },
): Promise<void> {
  try {
    const response = await api.send({
      method: "DELETE",
      target: upload.location,
      what: `an upload to ${api.registry}/${repository}`,
      repository,
      scopes: [pushScope(repository)],
      retry: false,
      signal: AbortSignal.timeout(5000),
    });
    await discard(response);
  } catch {
    // Registries clean up by themselves.
  }
}

function sessionOf(response: HttpResponse, origin: URL, what: string): UploadSession {
  const location = response.headers.get("location");
  if (location === undefined) {
    throw new RegistryFailure(
      "REGISTRY_PROTOCOL",
      `${origin.host} began ${what} without saying where to send it`,
    );
  }
  const min = Number(response.headers.get("oci-chunk-min-length") ?? 0);
  return {
    location: uploadLocation(location, response.url, origin),
    minPart: Number.isSafeInteger(min) && min > 0 ? Math.min(min, MAX_PART) : 0,
  };
}

/** Where the next request of an upload goes after an answer to one. */
export function nextLocation(response: HttpResponse, before: UploadSession, origin: URL): UploadSession {
  const location = response.headers.get("location");
  return location === undefined
    ? before
    : { ...before, location: uploadLocation(location, response.url, origin) };
}

/** Where to continue: relative or absolute. A registry behind a proxy may believe that it was asked over http. */
function uploadLocation(text: string, from: URL, origin: URL): URL {
  const url = URL.canParse(text, from.href) ? new URL(text, from) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new RegistryFailure(
      "REGISTRY_PROTOCOL",
      `${origin.host} wants an upload at ${oneLine(text, 100)}, which is not an http or https URL`,
    );
  }
  if (url.protocol === "http:" && origin.protocol === "https:") {
    if (url.hostname !== origin.hostname) {
      throw new RegistryFailure(
        "REGISTRY_PROTOCOL",
        `${origin.host} wants an upload at ${oneLine(url.origin, 100)}, which would leave https`,
      );
    }
    url.protocol = "https:";
    url.port = origin.port;
  }
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

/** Adds the digest and keeps the query as it is written: registries sign it. */
export function withDigest(location: URL, digest: Digest): URL {
  const url = new URL(location);
  url.search = `${url.search === "" ? "?" : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}
