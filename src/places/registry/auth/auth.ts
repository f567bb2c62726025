import { oneLine, parseJson } from "#util";
import { RegistryFailure } from "../http/failure.ts";
import { type HttpRequest, type HttpResponse, readBody, statusFailure } from "../http/http.ts";
import type { HttpClient } from "../http/http-client.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credentials } from "./credential-helper.ts";
import { mayReceiveCredentials } from "./realm.ts";

/** What an {@link Authenticator} works with. */
export interface AuthenticatorOptions {
  /** The registry's name, for messages and to look credentials up. */
  readonly registry: string;
  readonly http: HttpClient;
  /** Finds the user's credentials for a repository. */
  readonly credentials?:
    | ((registry: string, repository?: string) => Promise<Credentials | undefined>)
    | undefined;
  /** Token servers that the user trusts with these credentials, as a host's name or `HOST:PORT`; on this machine, only the latter. */
  readonly trustedRealms?: readonly string[] | undefined;
  /** A clock in milliseconds that never goes back, for the life of tokens. */
  readonly now?: (() => number) | undefined;
}

/** The access that a request needs. */
export interface Access {
  /** The repository, whose credentials are used. */
  readonly repository?: string | undefined;
  /** Scopes such as `repository:app:pull,push`: distribution's token scope grammar. */
  readonly scopes: readonly string[];
  /** What the request does, for messages. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

interface Bearer {
  readonly kind: "bearer";
  readonly realm: URL;
  readonly service: string | undefined;
  /** Whether the realm may have the user's credentials. */
  readonly trusted: boolean;
}

interface Token {
  readonly header: Promise<string>;
  /** On the clock of `now`; Infinity while it is being fetched. */
  expires: number;
}

/** How long a token lives when its server doesn't say, in seconds: distribution's token specification. */
const DEFAULT_LIFE = 60;
/** A token isn't used in its last seconds, since a request takes time to arrive. */
const MARGIN = 10;
const MAX_TOKEN_ANSWER = 1024 * 1024;
const SCOPE = /^[a-z0-9]+(?:\([a-z0-9]+\))?:[^\s:]{1,300}(?::[0-9]{1,5}\/[^\s:]{1,300})?:[a-z*,]{1,60}$/;

/**
 * Answers one registry's demand for authentication. Nothing is sent until the registry has asked: then a password, or a token that is
 * fetched from the registry's token server for the scopes of the request, and kept until it expires.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #now: () => number;
  readonly #tokens = new Map<string, Token>();
  /** Scopes that the registry asked for beyond those varve knew of, by the scopes it was asked with. */
  readonly #moreScopes = new Map<string, string>();
  #scheme: Bearer | { readonly kind: "basic" } | undefined;
  /** A token server to which credentials weren't sent; it is named if the request is refused in the end. */
  #withheldFrom: string | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonic;
  }

  /**
   * The Authorization header for a request; undefined while the registry hasn't asked for one, or when there are no credentials.
   * @throws VarveError `UNAUTHORIZED` when the token server refuses.
   */
  async authorization(access: Access): Promise<string | undefined> {
    const scheme = this.#scheme;
    if (scheme === undefined) return undefined;
    if (scheme.kind === "basic") return basic(await this.#credentials(access));
    const key = keyOf(access);
    const kept = this.#tokens.get(key);
    if (kept !== undefined && this.#now() < kept.expires) return kept.header;
    const token: Token = {
      expires: Number.POSITIVE_INFINITY,
      header: this.#fetch(scheme, access, (life) => {
        token.expires = this.#now() + life * 1000;
      }),
    };
    this.#tokens.set(key, token);
    token.header.catch(() => {
      if (this.#tokens.get(key) === token) this.#tokens.delete(key);
    });
    return token.header;
  }

  /**
   * Learns from a 401 of the registry itself. True when it is worth asking again with a new {@link authorization}.
   * `sent` is the header that was refused.
   */
  async learn(response: HttpResponse, access: Access, sent: string | undefined): Promise<boolean> {
    const challenges = parseChallenges(response.headers.all("www-authenticate"));
    const bearer = challenges.find(({ scheme, params }) => scheme === "bearer" && params.has("realm"));
    if (bearer !== undefined) {
      this.#scheme = this.#bearer(bearer, response.url);
      const scope = bearer.params.get("scope") ?? "";
      const key = keyOf(access);
      const asked = scope
        .split(" ")
        .filter((part) => SCOPE.test(part))
        .slice(0, 10)
        .join(" ");
      if (asked !== "") this.#moreScopes.set(key, asked);
      const kept = this.#tokens.get(key);
      // Another request may have fetched a new token in the meantime.
      if (kept !== undefined && sent !== undefined && (await kept.header.catch(() => sent)) === sent)
        this.#tokens.delete(key);
      return true;
    }
    if (challenges.some(({ scheme }) => scheme === "basic")) {
      this.#scheme = { kind: "basic" };
      const header = basic(await this.#credentials(access));
      return header !== undefined && header !== sent;
    }
    return false;
  }

  /** The reason why a request is refused in the end, and what the user can do. */
  hint(sent: string | undefined): string {
    if (this.#withheldFrom !== undefined) {
      return `; its credentials were not sent to ${this.#withheldFrom}, which does not belong to it: if it does, name it with --trust-realm`;
    }
    return sent === undefined ? `; log in first: \`varve login ${this.#options.registry}\`` : "";
  }

  #bearer({ params }: Challenge, registry: URL): Bearer {
    const text = params.get("realm")!;
    const realm = URL.canParse(text, registry.href) ? new URL(text, registry) : undefined;
    if (realm === undefined || !this.#options.http.allows(realm)) {
      throw new RegistryFailure(
        "REGISTRY_PROTOCOL",
        `${this.#options.registry} names ${oneLine(text, 100)} as its token server, which is not an https URL`,
      );
    }
    realm.username = "";
    realm.password = "";
    realm.hash = "";
    const trusted = mayReceiveCredentials({ realm, registry, trusted: this.#options.trustedRealms });
    return { kind: "bearer", realm, service: params.get("service"), trusted };
  }

  async #credentials({ repository }: Access): Promise<Credentials | undefined> {
    return this.#options.credentials?.(this.#options.registry, repository);
  }

  async #fetch(scheme: Bearer, access: Access, alive: (seconds: number) => void): Promise<string> {
    let credentials = await this.#credentials(access);
    if (credentials?.kind === "registry-token")
      return bearerHeader(credentials.token, this.#options.registry);
    if (credentials !== undefined && !scheme.trusted) {
      this.#withheldFrom = scheme.realm.host;
      credentials = undefined;
    }
    const what = `a token of ${this.#options.registry} for ${access.what}`;
    const response = await this.#options.http.request({
      ...tokenRequest(scheme, this.#scopes(access), credentials),
      what,
      signal: access.signal,
    });
    if (response.status !== 200) {
      const failure = await statusFailure(response, what);
      if (failure.code !== "UNAUTHORIZED" && (response.status < 400 || response.status >= 500)) throw failure;
      throw new RegistryFailure("UNAUTHORIZED", failure.message + this.hint(basic(credentials)), {
        status: response.status,
      });
    }
    const bytes = await readBody(response, { what, limit: MAX_TOKEN_ANSWER, signal: access.signal });
    const answer = parseJson(bytes, { what, maxBytes: MAX_TOKEN_ANSWER });
    const { token, access_token: accessToken, expires_in: life } = (answer ?? {}) as Record<string, unknown>;
    const header = bearerHeader(token || accessToken, scheme.realm.host);
    const seconds = typeof life === "number" && life > 0 ? Math.min(life, 86_400) : DEFAULT_LIFE;
    alive(Math.max(seconds - MARGIN, seconds / 2));
    return header;
  }

  #scopes(access: Access): string[] {
    const more = this.#moreScopes.get(keyOf(access))?.split(" ") ?? [];
    return [...new Set([...access.scopes, ...more])];
  }
}

function keyOf({ scopes }: Access): string {
  return [...scopes].sort().join(" ");
}

function basic(credentials: Credentials | undefined): string | undefined {
  if (credentials?.kind !== "password") return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

function bearerHeader(token: unknown, from: string): string {
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw new RegistryFailure("REGISTRY_PROTOCOL", `${from} gave no token that can be used`);
}

/** A token is asked for by GET; with an identity token by OAuth 2's POST, as distribution's token specification has it. */
function tokenRequest(
  { realm, service }: Bearer,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): Pick<HttpRequest, "method" | "url" | "headers" | "authorization" | "body" | "retry" | "redirects"> {
  const url = new URL(realm);
  if (credentials?.kind === "identity-token") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "varve",
      refresh_token: credentials.token,
    });
    if (service !== undefined) form.set("service", service);
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    return {
      method: "POST",
      url,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: { bytes: Buffer.from(form.toString()) },
      retry: true,
      // The token is in the body, so a redirect would carry it elsewhere.
      redirects: false,
    };
  }
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (credentials !== undefined)
    url.searchParams.set("account", (credentials as { username: string }).username);
  return { method: "GET", url, authorization: basic(credentials) };
}

/** Milliseconds on a clock that never goes back. */
export function monotonic(): number {
  return performance.now();
}
