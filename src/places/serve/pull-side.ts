/** The pull side of the OCI distribution specification, for whatever has images: served ones, and those of a registry in memory. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Descriptor, isDigest, isIndexType, isManifestType, isRepository, MediaType } from "#oci";
import { rangeOf } from "./range.ts";

/** A manifest or an index. */
export interface ServedManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** A blob whose size is known. */
export interface ServedBlob {
  /** In bytes. */
  readonly size: number;
  /** Its bytes from one place to before another; a chunk is the reader's to keep. */
  open(from: number, to: number): AsyncIterable<Uint8Array>;
}

type Eventually<T> = T | Promise<T>;

/** What a registry has. A name is asked for only if it is a repository's, a digest only if it is one. */
export interface PullSide {
  /** @param name a tag or a digest */
  manifest(repository: string, name: string): Eventually<ServedManifest | undefined>;
  blob(repository: string, digest: string): Eventually<ServedBlob | undefined>;
  /** All tags, in any order; undefined for a repository that isn't there. */
  tags(repository: string): Eventually<readonly string[] | undefined>;
  /** Manifests whose subject has the digest, whether there is one or not; undefined where there is no API for that. */
  referrers(repository: string, digest: string): Eventually<readonly Descriptor[] | undefined>;
  /** How many of these an answer has at most; all of them unless given. */
  readonly referrersPage?: number | undefined;
  /** Whether they are left out of an answer that have another type than was asked for; they are unless false. */
  readonly filtersReferrers?: boolean | undefined;
}

/** A request as its handlers need it. */
interface Asked {
  readonly from: PullSide;
  readonly repository: string;
  /** A tag or a digest. */
  readonly name: string;
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
}

/** An answer; a body that is long is opened when it is sent. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
}

/** What every endpoint of the pull side may be asked by. */
const METHODS = "GET, HEAD";

const HANDLERS: Readonly<Record<string, (asked: Asked) => Promise<Answer>>> = {
  manifests: answerManifest,
  blobs: answerBlob,
  tags: answerTags,
  referrers: answerReferrers,
};

/**
 * Answers a request if it is one that pulls: OCI distribution specification, "Pull", "Content Discovery" and "Listing Referrers".
 * @returns false for any other, which is left to the caller
 * @throws whatever the pull side throws; where an answer has begun, its connection is to be cut off
 */
export async function answerPull(
  request: IncomingMessage,
  response: ServerResponse,
  from: PullSide,
): Promise<boolean> {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://x");
  if (/^\/v2\/?$/.test(pathname)) {
    await send(request, response, json({}));
    return true;
  }
  const [, repository = "", kind = "", name = ""] = PATHS.exec(pathname) ?? [];
  const handler = HANDLERS[kind];
  if (handler === undefined || (kind === "tags" && name !== "list")) return false;
  const answer = isRepository(repository)
    ? await handler({ from, repository, name, request, query })
    : failure(404, "NAME_INVALID", "that is no repository's name");
  await send(request, response, answer);
  return true;
}

const PATHS = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/([^/]+)$/;

/** Answers whatever a read-only registry doesn't do. */
export async function refuse(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reads = request.method === "GET" || request.method === "HEAD";
  if (reads) await send(request, response, failure(404, "NOT_FOUND", "there is nothing here"));
  else {
    const answer = failure(405, "UNSUPPORTED", "this registry can only be read");
    await send(request, response, { ...answer, headers: { ...answer.headers, allow: METHODS } });
  }
}

async function answerManifest({ from, repository, name, request }: Asked): Promise<Answer> {
  const found = await from.manifest(repository, decoded(name));
  if (found === undefined) return failure(404, "MANIFEST_UNKNOWN", "there is no such manifest");
  const { digest, mediaType, bytes } = found;
  if (!accepts(request.headers.accept, mediaType)) {
    return failure(404, "MANIFEST_UNKNOWN", `the manifest is ${mediaType}, which Accept doesn't have`);
  }
  return {
    status: 200,
    headers: {
      "content-type": mediaType,
      "content-length": bytes.length,
      "docker-content-digest": digest,
      etag: `"${digest}"`,
    },
    body: bytes,
  };
}

/** Whether a client takes a manifest: it does unless it names types of manifests, and this is of another. */
function accepts(header: string | undefined, mediaType: string): boolean {
  const isKnown = (type: string) => isManifestType(type) || isIndexType(type);
  const types = (header ?? "*/*").split(",").map((part) => part.split(";")[0]!.trim().toLowerCase());
  const isChoosy = isKnown(mediaType) && types.some(isKnown);
  return !isChoosy || types.some((type) => [mediaType, "*/*", "application/*"].includes(type));
}

async function answerBlob({ from, repository, name, request }: Asked): Promise<Answer> {
  const digest = decoded(name);
  const blob = isDigest(digest) ? await from.blob(repository, digest) : undefined;
  if (blob === undefined) return failure(404, "BLOB_UNKNOWN", "there is no such blob");
  const { size } = blob;
  const range = rangeOf(request.headers.range, size);
  if (range === "unsatisfiable") {
    const answer = failure(416, "SIZE_INVALID", "the blob has no such range");
    return { ...answer, headers: { ...answer.headers, "content-range": `bytes */${size}` } };
  }
  const { from: first, to } = range ?? { from: 0, to: size };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      "content-type": "application/octet-stream",
      "content-length": to - first,
      "docker-content-digest": digest,
      "accept-ranges": "bytes",
      etag: `"${digest}"`,
      ...(range && { "content-range": `bytes ${first}-${to - 1}/${size}` }),
    },
    body: () => blob.open(first, to),
  };
}

async function answerTags({ from, repository, query }: Asked): Promise<Answer> {
  const tags = await from.tags(repository);
  if (tags === undefined) return failure(404, "NAME_UNKNOWN", "there is no such repository");
  const last = query.get("last");
  const n = /^\d{1,9}$/.test(query.get("n") ?? "") ? Number(query.get("n")) : undefined;
  const after = [...tags].sort().filter((tag) => last === null || tag > last);
  const page = after.slice(0, n);
  const next = n !== undefined && n > 0 && page.length < after.length ? page.at(-1) : undefined;
  const link =
    next === undefined ? {} : { link: `</v2/${repository}/tags/list?n=${n}&last=${next}>; rel="next"` };
  return json({ name: repository, tags: page }, link);
}

async function answerReferrers({ from, repository, name, query }: Asked): Promise<Answer> {
  const digest = decoded(name);
  if (!isDigest(digest)) return failure(400, "DIGEST_INVALID", "that is no digest");
  const all = await from.referrers(repository, digest);
  if (all === undefined) return failure(404, "NOT_FOUND", "there is nothing here");
  const type = from.filtersReferrers === false ? null : query.get("artifactType");
  const fitting = type === null ? all : all.filter(({ artifactType }) => artifactType === type);
  const { referrersPage: size = fitting.length } = from;
  const after = fitting.findIndex((each) => each.digest === query.get("last")) + 1;
  const manifests = fitting.slice(after, after + size);
  const next = new URLSearchParams({ ...Object.fromEntries(query), last: manifests.at(-1)?.digest ?? "" });
  return json(
    { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests },
    {
      "content-type": MediaType.ociIndex,
      ...(type !== null && { "oci-filters-applied": "artifactType" }),
      ...(after + size < fitting.length && {
        link: `</v2/${repository}/referrers/${digest}?${next}>; rel="next"`,
      }),
    },
  );
}

/** A part of a path; some clients write a digest's colon as `%3A`. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function json(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = Buffer.from(JSON.stringify(value));
  return {
    status: 200,
    headers: { "content-type": "application/json", "content-length": body.length, ...headers },
    body,
  };
}

/** The error body of the distribution specification: "Error Codes". */
function failure(status: number, code: string, message: string): Answer {
  return { ...json({ errors: [{ code, message }] }), status };
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Answer,
): Promise<void> {
  response.writeHead(status, { "docker-distribution-api-version": "registry/2.0", ...headers });
  if (request.method === "HEAD" || body === undefined) response.end();
  else if (body instanceof Uint8Array) response.end(body);
  else {
    // As soon as nobody takes the answer any more, nothing is made for it.
    const gone = new Promise<void>((resolve) => response.once("close", resolve));
    for await (const chunk of body()) {
      if (response.destroyed) break;
      if (!response.write(chunk)) await Promise.race([gone, drained(response)]);
    }
    if (!response.destroyed) response.end();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once("drain", resolve));
}
