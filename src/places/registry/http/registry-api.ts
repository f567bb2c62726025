import { type Access, Authenticator, type AuthenticatorOptions } from "../auth/auth.ts";
import { apiHost, isLoopback } from "./endpoint.ts";
import { codeOf, isTlsProtocolError, isTransient, RegistryFailure } from "./failure.ts";
import { discard, type HttpRequest, type HttpResponse, statusFailure } from "./http.ts";
import type { HttpClient } from "./http-client.ts";

/** A request to a registry's API, and the access it needs. */
export interface ApiRequest extends Omit<HttpRequest, "url" | "authorization"> {
  /** A path under the registry's origin, or a whole URL that the registry gave. */
  readonly target: string | URL;
  /** The repository whose credentials are used; by default the registry's. */
  readonly repository?: string;
  /** Scopes beside or instead of the repository's own; see {@link pullScope} and {@link pushScope}. */
  readonly scopes: readonly string[];
}

/** The scope to read a repository. */
export function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

/** The scope to read and write a repository. */
export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

/** How many 401s are answered: one because there is no token yet, and one because a token has just expired. */
const MAX_CHALLENGES = 2;

/** The API of one registry: finds out whether it speaks https, and authenticates. */
export class RegistryApi {
  readonly registry: string;
  readonly http: HttpClient;
  readonly #auth: Authenticator;
  #origin: Promise<URL> | undefined;

  constructor(options: AuthenticatorOptions) {
    this.registry = options.registry;
    this.http = options.http;
    this.#auth = new Authenticator(options);
  }

  /**
   * Sends a request with the credentials it needs. The answer may have any status but 401 of the registry itself.
   * @throws VarveError as {@link HttpClient.request}, and `UNAUTHORIZED`.
   */
  async send(request: ApiRequest): Promise<HttpResponse> {
    const origin = await this.origin(request.signal);
    const { target, repository, scopes, ...rest } = request;
    const url = new URL(target, origin);
    const access: Access = { repository, scopes, what: request.what, signal: request.signal };
    // An upload's URL may lead to a storage service: such a request gets no credentials but those in the URL.
    const own = url.origin === origin.origin;
    for (let challenges = 0; ; challenges++) {
      const authorization = own ? await this.#auth.authorization(access) : undefined;
      const response = await this.http.request({ ...rest, url, authorization });
      if (response.status !== 401 || !own || response.foreign) return response;
      if (challenges < MAX_CHALLENGES && (await this.#auth.learn(response, access, authorization))) {
        await discard(response);
        continue;
      }
      const failure = await statusFailure(response, request.what);
      throw new RegistryFailure(failure.code, failure.message + this.#auth.hint(authorization), {
        status: 401,
      });
    }
  }

  /** Asks the registry's base URL: OCI distribution specification, "Determining Support". */
  async ping(signal?: AbortSignal): Promise<void> {
    const what = `the API of ${this.registry}`;
    const response = await this.send({ method: "GET", target: "/v2/", what, scopes: [], signal });
    if (response.status !== 200) throw await statusFailure(response, what);
    await discard(response);
  }

  /** Where the registry's API is: https, or http if that is allowed and the registry doesn't speak https. */
  async origin(signal?: AbortSignal): Promise<URL> {
    this.#origin ??= this.#findOrigin(signal).catch((error: unknown) => {
      this.#origin = undefined;
      throw error;
    });
    return this.#origin;
  }

  async #findOrigin(signal: AbortSignal | undefined): Promise<URL> {
    const host = apiHost(this.registry);
    const secure = new URL(`https://${host}/`);
    if (!this.http.insecure && !isLoopback(secure.hostname)) return secure;
    const { backoff } = this.http;
    const plain = new URL(`http://${host}/`);
    // On this machine nobody is in between. With a port of its own it is one and the same server that is asked.
    const isOneServer = isLoopback(secure.hostname) && secure.port !== "";
    if (isOneServer && (await this.#speaksPlain(plain, signal))) return plain;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#probe(secure, plain, signal);
      } catch (error) {
        const delay = isTransient(error) ? backoff.delay(attempt) : undefined;
        if (delay === undefined) throw error;
        await backoff.pause(delay, signal);
      }
    }
  }

  /** Whether a server answers over http as a registry does; one that speaks https says something else, or nothing. */
  async #speaksPlain(plain: URL, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return [200, 401].includes(await this.#ask(plain, signal));
    } catch (error) {
      if (signal?.aborted) throw error;
      return false;
    }
  }

  /** Asks over https first, so that http is only ever used with a registry that doesn't speak https. */
  async #probe(secure: URL, plain: URL, signal: AbortSignal | undefined): Promise<URL> {
    try {
      await this.#ask(secure, signal);
      return secure;
    } catch (error) {
      const code = error instanceof RegistryFailure ? codeOf(error.cause) : undefined;
      if (!isTlsProtocolError(code) && !isTransient(error)) throw error;
      await this.#ask(plain, signal);
      return plain;
    }
  }

  /** The status with which an origin answers a request without credentials for its API. */
  async #ask(origin: URL, signal: AbortSignal | undefined): Promise<number> {
    const url = new URL("/v2/", origin);
    const what = `the API of ${this.registry}`;
    const answer = await this.http.request({
      method: "GET",
      url,
      what,
      retry: false,
      redirects: false,
      signal,
    });
    await discard(answer);
    return answer.status;
  }
}
