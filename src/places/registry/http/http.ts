import { algorithmOf, type Digest, Digester } from "#oci";
import { collect, type IncomingBody, oneLine } from "#util";
import { connectionFailure, errorsOf, RegistryFailure } from "./failure.ts";
import { type Headers, retryAfterOf } from "./headers.ts";
import { aborted, isRetryStatus } from "./retry.ts";

/** A request's body: bytes, or a stream that can be opened again for another attempt. */
export type RequestBody =
  | { readonly bytes: Uint8Array }
  | {
      /** Chunks may be borrowed: each one has been sent before the next is asked for. */
      readonly open: (signal?: AbortSignal) => AsyncIterable<Uint8Array>;
      /** Its length in bytes; without one it is sent with the chunked transfer coding. */
      readonly length?: number;
    };

/** One request to a registry or a token server. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  /** Names the thing asked for in errors, such as `the manifest of localhost:5000/app:1`. */
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The Authorization header: sent to the URL's own origin, never to where it redirects. */
  readonly authorization?: string | undefined;
  readonly body?: RequestBody | undefined;
  /** Whether to try again after a transient failure; unless said, for GET, HEAD and DELETE. */
  readonly retry?: boolean;
  /** Whether redirects are followed; they are unless false. */
  readonly redirects?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body hasn't been read yet. The caller must read or discard the body. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** Whether the answer came from another origin than was asked. */
  readonly foreign: boolean;
  readonly body: IncomingBody;
}

/** A URL for a message: without its query, which may contain secrets. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** The chunks of an answer's body; a broken connection is a transient `NETWORK` failure. */
export async function* bodyOf(response: HttpResponse, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body;
  } catch (error) {
    if (signal?.aborted) throw aborted(error);
    throw connectionFailure(response.url.host, error);
  }
}

/** The whole body of an answer, of at most `limit` bytes; more is cut off and refused with `TOO_LARGE`. */
export async function readBody(
  response: HttpResponse,
  options: { what: string; limit: number; signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  const tooLarge = () =>
    new RegistryFailure("TOO_LARGE", `${options.what} has more than the ${options.limit} bytes allowed`);
  if (Number(response.headers.get("content-length") ?? 0) > options.limit) {
    response.body.destroy();
    throw tooLarge();
  }
  return collect(bodyOf(response, options.signal), options.limit, tooLarge);
}

/** Reads a small body to its end so that the connection can be used again; a large or broken one is cut off. */
export async function discard(response: HttpResponse): Promise<void> {
  try {
    for await (const chunk of boundedBody(response, 64 * 1024)) void chunk;
  } catch {
    // It costs only the connection.
  }
}

async function* boundedBody(response: HttpResponse, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of bodyOf(response)) {
    size += chunk.length;
    if (size > limit) return;
    yield chunk;
  }
}

/**
 * Turns an answer with an error status into the error for the user: `UNAUTHORIZED` for 401 and 403, `NETWORK` for 429 and 5xx,
 * else `REGISTRY_PROTOCOL`. It quotes what the registry says. Reads the body.
 */
export async function statusFailure(response: HttpResponse, what: string): Promise<RegistryFailure> {
  const { status, headers } = response;
  const parts: Uint8Array[] = [];
  try {
    for await (const chunk of boundedBody(response, 64 * 1024)) parts.push(chunk);
  } catch {
    // The status says enough.
  }
  const quoted = errorsOf(Buffer.concat(parts));
  const said = quoted === "" ? "" : `: ${quoted}`;
  const host = response.url.host;
  if (status === 401 || status === 403) {
    return new RegistryFailure("UNAUTHORIZED", `${host} does not allow ${what} (${status})${said}`, {
      status,
    });
  }
  if (isRetryStatus(status)) {
    const after = headers.get("retry-after");
    const hint =
      after === undefined
        ? ""
        : `; it asks to be left alone for ${oneLine(after, 40)}${/^\d+$/.test(after) ? " s" : ""}`;
    return new RegistryFailure("NETWORK", `${host} answered ${status} for ${what}${said}${hint}`, {
      status,
      transient: true,
      retryAfter: retryAfterOf(headers),
    });
  }
  return new RegistryFailure("REGISTRY_PROTOCOL", `${host} answered ${status} for ${what}${said}`, {
    status,
  });
}

/** Hashes a stream as it passes and ends it with an error unless it is what was announced. */
export async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  expected: { digest: Digest; size: number; what: string },
): AsyncGenerator<Uint8Array> {
  const { digest, size, what } = expected;
  const digester = new Digester(algorithmOf(digest));
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (digester.size + chunk.length > size) {
      throw new RegistryFailure("SIZE_MISMATCH", `${what} has more bytes than the ${size} it should have`);
    }
    digester.update(chunk);
    // Checked before the last chunk is passed on, so that no reader ever gets all of the wrong bytes.
    if (digester.size === size) checkDigest(digester.digest(), digest, what);
    yield chunk;
  }
  if (digester.size < size) {
    throw new RegistryFailure(
      "SIZE_MISMATCH",
      `${what} ended after ${digester.size} of the ${size} bytes it should have`,
    );
  }
  if (size === 0) checkDigest(digester.digest(), digest, what);
}

/** @throws VarveError `DIGEST_MISMATCH` unless the two are equal. */
export function checkDigest(actual: Digest, expected: Digest, what: string): void {
  if (actual === expected) return;
  throw new RegistryFailure(
    "DIGEST_MISMATCH",
    `${what} has the digest ${actual} where it should have ${expected}`,
  );
}
