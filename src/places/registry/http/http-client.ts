import { VarveError } from "#errors";
import { exchange, LineError, oneLine } from "#util";
import { type ConnectionOptions, Connections } from "./dispatcher.ts";
import { isLoopback } from "./endpoint.ts";
import { connectionFailure, isTransient, RegistryFailure } from "./failure.ts";
import { Headers, retryAfterOf } from "./headers.ts";
import { discard, type HttpRequest, type HttpResponse, shownUrl } from "./http.ts";
import { aborted, Backoff, isRetryStatus, type RetryOptions } from "./retry.ts";

/** What an HTTP client reports: each request that goes out, its answer, and why one is sent again. */
export type RequestEvent =
  | { readonly type: "request"; readonly method: string; readonly url: string }
  | { readonly type: "response"; readonly method: string; readonly url: string; readonly status: number }
  | {
      readonly type: "retry";
      readonly method: string;
      readonly url: string;
      readonly reason: string;
      /** In milliseconds. */
      readonly delay: number;
    };

/** How a {@link HttpClient} works. */
export interface HttpClientOptions extends ConnectionOptions {
  /** Allows plain http to hosts other than this machine. */
  readonly insecure?: boolean;
  readonly retry?: RetryOptions;
  /** Called for every request that goes out, redirects and retries included. URLs come without their query. */
  readonly onRequest?: (event: RequestEvent) => void;
  /** Sent as User-Agent. */
  readonly userAgent?: string;
}

const MAX_REDIRECTS = 5;
const RETRIED_METHODS = new Set(["GET", "HEAD", "DELETE"]);

/**
 * Carries HTTP requests: https, or http where that is allowed; through proxies; with retries, timeouts and redirects that drop
 * credentials. One client serves several registries, and is closed when they are done.
 */
export class HttpClient {
  /**
   * Back-off for those who retry larger steps than one request.
   * @internal
   */
  readonly backoff: Backoff;
  /** Whether http is allowed to hosts other than this machine. */
  readonly insecure: boolean;
  readonly #connections: Connections;
  readonly #options: HttpClientOptions;

  constructor(options: HttpClientOptions = {}) {
    this.backoff = new Backoff(options.retry);
    this.insecure = options.insecure ?? false;
    this.#connections = new Connections(options);
    this.#options = options;
  }

  /**
   * Whether a URL may be asked at all: https, or http to this machine or where insecure is allowed.
   * @internal
   */
  allows(url: URL): boolean {
    return (
      url.protocol === "https:" || (url.protocol === "http:" && (this.insecure || isLoopback(url.hostname)))
    );
  }

  /**
   * Sends a request and gives its answer, whatever its status. Transient failures and answers are tried again if the request may be.
   * @internal
   *
   * @throws VarveError `NETWORK` when no answer came, `REGISTRY_PROTOCOL` for one that isn't HTTP or redirects where it must not,
   * `ABORTED`; and what the request's own body throws.
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const retry = request.retry ?? RETRIED_METHODS.has(request.method);
    for (let attempt = 1; ; attempt++) {
      let failure: unknown;
      let retryAfter: number | undefined;
      let response: HttpResponse | undefined;
      try {
        response = await this.#follow(request);
        if (!retry || !isRetryStatus(response.status)) return response;
        retryAfter = retryAfterOf(response.headers);
      } catch (error) {
        if (!retry || !isTransient(error)) throw error;
        failure = error;
      }
      const delay = this.backoff.delay(attempt, retryAfter);
      if (delay === undefined) {
        if (response !== undefined) return response;
        throw failure;
      }
      if (response !== undefined) await discard(response);
      this.#options.onRequest?.({
        type: "retry",
        method: request.method,
        url: shownUrl(request.url),
        reason:
          response === undefined
            ? oneLine(String((failure as Error).message), 200)
            : `status ${response.status}`,
        delay,
      });
      await this.backoff.pause(delay, request.signal);
    }
  }

  /** One attempt, with the redirects it meets. */
  async #follow(request: HttpRequest): Promise<HttpResponse> {
    const origin = request.url.origin;
    let url = request.url;
    let method = request.method;
    let foreign = false;
    for (let redirects = 0; ; redirects++) {
      const withBody = method === request.method ? request.body : undefined;
      const authorization = foreign ? undefined : request.authorization;
      const response = await this.#once({ ...request, method, url, body: withBody, authorization }, foreign);
      if (!isRedirect(response.status) || request.redirects === false) return response;
      const location = response.headers.get("location");
      if (location === undefined) return response;
      await discard(response);
      if (redirects >= MAX_REDIRECTS) {
        throw new RegistryFailure(
          "REGISTRY_PROTOCOL",
          `${url.host} redirects ${request.what} more than ${MAX_REDIRECTS} times`,
        );
      }
      const next = this.#target(location, url, request.what);
      const keepsMethod = response.status === 307 || response.status === 308;
      if (!keepsMethod && method !== "GET" && method !== "HEAD") {
        if (response.status !== 303) {
          throw new RegistryFailure(
            "REGISTRY_PROTOCOL",
            `${url.host} redirects ${method} for ${request.what} with ${response.status}, which would lose what is sent`,
          );
        }
        method = "GET";
      }
      // After a redirect to another host no credentials are sent any more, even if a redirect leads back: the other host chose it.
      foreign ||= next.origin !== origin;
      url = next;
    }
  }

  #target(location: string, from: URL, what: string): URL {
    const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    const refuse = (reason: string) =>
      new RegistryFailure(
        "REGISTRY_PROTOCOL",
        `${from.host} redirects ${what} to ${oneLine(location, 100)}, ${reason}`,
      );
    if (next === undefined || !/^https?:$/.test(next.protocol))
      throw refuse("which is not an http or https URL");
    if (from.protocol === "https:" && next.protocol !== "https:") throw refuse("which would leave https");
    if (!this.allows(next)) throw refuse("which is plain http to another machine");
    next.username = "";
    next.password = "";
    next.hash = "";
    return next;
  }

  async #once(request: HttpRequest, foreign: boolean): Promise<HttpResponse> {
    const { method, url, signal } = request;
    if (signal?.aborted) throw aborted(signal.reason);
    if (!this.allows(url)) {
      throw new VarveError(
        "USAGE",
        `${url.host} would be asked over plain http; use https, or allow insecure registries`,
      );
    }
    const event = { method, url: shownUrl(url) };
    this.#options.onRequest?.({ type: "request", ...event });
    const body = bodyOf(request);
    try {
      const answer = await exchange({
        url,
        method,
        agent: this.#connections.for(url),
        headers: {
          "user-agent": this.#options.userAgent ?? "varve",
          "accept-encoding": "identity",
          ...request.headers,
          ...body.headers,
          ...(request.authorization === undefined ? {} : { authorization: request.authorization }),
        },
        body: body.value,
        waits: this.#connections.waits,
        signal,
      });
      this.#options.onRequest?.({ type: "response", ...event, status: answer.status });
      return { ...answer, headers: new Headers(answer.headers), url, foreign };
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      if (signal?.aborted) throw aborted(error);
      throw connectionFailure(url.host, error);
    }
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    this.#connections.close();
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** A request's body as it is sent, and the headers that describe it. */
function bodyOf({ body, method, signal }: HttpRequest): {
  value?: Uint8Array | AsyncIterable<Uint8Array>;
  headers: Record<string, string>;
} {
  if (body === undefined || "bytes" in body || body.length === 0) {
    const bytes = body !== undefined && "bytes" in body ? body.bytes : undefined;
    const sends = method === "POST" || method === "PUT" || method === "PATCH";
    const headers = { "content-length": String(bytes?.length ?? 0) };
    if (bytes === undefined) return { headers: sends ? headers : {} };
    return { value: bytes, headers };
  }
  const headers = body.length === undefined ? {} : { "content-length": String(body.length) };
  return { value: body.open(signal), headers };
}
