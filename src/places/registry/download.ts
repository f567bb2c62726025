import { algorithmOf, type Descriptor, type Digest, isIndexType, isManifestType, parseDigest } from "#oci";
import { collect, oneLine } from "#util";
import { isTransient, RegistryFailure } from "./http/failure.ts";
import {
  bodyOf,
  checkDigest,
  discard,
  type HttpResponse,
  readBody,
  statusFailure,
  verified,
} from "./http/http.ts";

import { pullScope, type RegistryApi } from "./http/registry-api.ts";

/** Which blob is fetched from where. */
export interface BlobRequest {
  readonly repository: string;
  /** Its `urls`, if there are any, are never used. */
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A blob's bytes, checked against digest and size as they pass: the last chunk is only yielded when both are right. After a broken
 * connection the rest is requested as a range, as long as that makes progress.
 */
export async function* downloadBlob(api: RegistryApi, request: BlobRequest): AsyncGenerator<Uint8Array> {
  const { digest, size } = request.descriptor;
  const what = blobName(api, request.repository, digest);
  yield* verified(resumed(api, request, what), { digest, size, what });
}

/** After so many bytes attempts are counted from the start again, since the transfer of a large blob may break many times. */
const SUBSTANTIAL = 1024 * 1024;
/** How often one blob is requested at most, however much came each time. */
const MAX_REQUESTS = 100;

async function* resumed(api: RegistryApi, request: BlobRequest, what: string): AsyncGenerator<Uint8Array> {
  const { size } = request.descriptor;
  const { backoff } = api.http;
  let received = 0;
  let counted = 0;
  let attempt = 1;
  for (let requests = 1; ; requests++) {
    try {
      const { response, skip } = await ask(api, request, { what, from: received });
      let skipping = skip;
      for await (const chunk of bodyOf(response, request.signal)) {
        const fresh = skipping >= chunk.length ? undefined : chunk.subarray(skipping);
        skipping = Math.max(0, skipping - chunk.length);
        if (fresh === undefined) continue;
        received += fresh.length;
        yield fresh;
      }
      return;
    } catch (error) {
      if (!isTransient(error) || (received >= size && size > 0) || requests >= MAX_REQUESTS) throw error;
      if (received - counted >= SUBSTANTIAL) {
        counted = received;
        attempt = 1;
      }
      const delay = backoff.delay(attempt++, (error as RegistryFailure).retryAfter);
      if (delay === undefined) throw error;
      await backoff.pause(delay, request.signal);
    }
  }
}

async function ask(
  api: RegistryApi,
  request: BlobRequest,
  { what, from }: { what: string; from: number },
): Promise<{ response: HttpResponse; skip: number }> {
  const { descriptor } = request;
  const range = from > 0 ? `bytes=${from}-` : undefined;
  const response = await requestBlob(api, request, { range });
  const { status, headers } = response;
  if (status === 404) {
    await discard(response);
    throw new RegistryFailure("REGISTRY_PROTOCOL", `${api.registry} has no ${what}`, { status });
  }
  if (status !== 200 && !(status === 206 && from > 0)) throw await statusFailure(response, what);
  const encoding = headers.get("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    response.body.destroy();
    throw new RegistryFailure(
      "REGISTRY_PROTOCOL",
      `${what} came with the content encoding ${oneLine(encoding, 40)}, which was not asked for`,
    );
  }
  if (status === 206) {
    const range = /^bytes ([0-9]{1,15})-/.exec(headers.get("content-range") ?? "");
    if (range === null || Number(range[1]) !== from) {
      response.body.destroy();
      throw new RegistryFailure(
        "REGISTRY_PROTOCOL",
        `${api.registry} sent another range of ${what} than was asked for`,
      );
    }
    return { response, skip: 0 };
  }
  const length = headers.get("content-length");
  if (length !== undefined && Number(length) !== descriptor.size) {
    response.body.destroy();
    const words = `has ${oneLine(length, 20)} bytes where it should have ${descriptor.size}`;
    throw new RegistryFailure("SIZE_MISMATCH", `${what} ${words}`);
  }
  return { response, skip: from };
}

/** A blob's name for messages. */
export function blobName(api: RegistryApi, repository: string, digest: Digest): string {
  return `blob ${digest} of ${api.registry}/${repository}`;
}

/** The digest that a registry reports; undefined if it reports none, or one of an unregistered algorithm. */
export function saidDigest(response: HttpResponse, what: string): Digest | undefined {
  const text = response.headers.get("docker-content-digest");
  if (text === undefined || /^sha384:[0-9a-f]+$/.test(text)) return undefined;
  return parseDigest(text, `the answer for ${what}`);
}

/**
 * Checks the digest that a registry reports. Some report a digest of another algorithm than they were asked with; that proves
 * nothing.
 * @throws VarveError `DIGEST_MISMATCH`
 */
export function checkSaid(said: Digest | undefined, expected: Digest, what: string): void {
  if (said === undefined || algorithmOf(said) !== algorithmOf(expected)) return;
  checkDigest(said, expected, what);
}

/** Whether an answer of this type may hold a manifest or an index; types that say nothing may. */
export function mayBeManifest(contentType: string | undefined): boolean {
  const type = (contentType ?? "").split(";")[0]!.trim().toLowerCase();
  return (
    type === "" ||
    /[/+]json$/.test(type) ||
    isManifestType(type) ||
    isIndexType(type) ||
    /^(text\/plain|application\/octet-stream|.*prettyjws)$/.test(type)
  );
}

/** Whether a registry answers a request for two ranges of a blob with both (RFC 9110, section 14.6), and not with an error or the whole. */
export async function answersTwoRanges(api: RegistryApi, request: BlobRequest): Promise<boolean> {
  const response = await requestBlob(api, request, { range: "bytes=0-0,2-2" });
  await discard(response);
  const type = response.headers.get("content-type") ?? "";
  return response.status === 206 && /^multipart\/byteranges\b/i.test(type);
}

/** A part of a blob. */
export interface BlobPart {
  /** Where in the blob it begins. */
  readonly from: number;
  readonly bytes: Uint8Array;
}

/**
 * A part of a blob, from one byte to before another: RFC 9110, section 14. It isn't checked, since a digest is of the whole. A registry
 * that knows no ranges gives the whole, which is checked.
 */
export async function downloadPart(
  api: RegistryApi,
  request: BlobRequest & { readonly from: number; readonly to: number },
): Promise<BlobPart> {
  const { descriptor, from, to, signal } = request;
  const what = blobName(api, request.repository, descriptor.digest);
  const response = await requestBlob(api, request, { range: `bytes=${from}-${to - 1}`, retry: true });
  if (response.status === 200) {
    const { digest, size } = descriptor;
    const chunks = verified(bodyOf(response, signal), { digest, size, what });
    const bytes = await collect(
      chunks,
      size,
      () => new RegistryFailure("SIZE_MISMATCH", `${what} is too long`),
    );
    return { from: 0, bytes };
  }
  if (response.status === 404) {
    await discard(response);
    throw new RegistryFailure("REGISTRY_PROTOCOL", `${api.registry} has no ${what}`, { status: 404 });
  }
  if (response.status !== 206) throw await statusFailure(response, what);
  const bytes = await readBody(response, { what, limit: to - from, signal });
  const range = /^bytes ([0-9]{1,15})-/.exec(response.headers.get("content-range") ?? "");
  if (range === null || Number(range[1]) !== from || bytes.length !== to - from) {
    throw new RegistryFailure(
      "REGISTRY_PROTOCOL",
      `${api.registry} sent another range of ${what} than was asked for`,
    );
  }
  return { from, bytes };
}

/** Asks for a blob, or for ranges of it, once unless told to try again: else whoever asks does so, and counts all attempts for the blob. */
function requestBlob(
  api: RegistryApi,
  { repository, descriptor, signal }: BlobRequest,
  { range, retry = false }: { readonly range: string | undefined; readonly retry?: boolean },
): Promise<HttpResponse> {
  return api.send({
    method: "GET",
    target: `/v2/${repository}/blobs/${descriptor.digest}`,
    what: blobName(api, repository, descriptor.digest),
    repository,
    scopes: [pullScope(repository)],
    headers: { accept: "*/*", ...(range !== undefined && { range }) },
    retry,
    signal,
  });
}
