import { getCACertificates } from "node:tls";
import { Agent, type Dispatcher, ProxyAgent } from "undici";
import { VarveError } from "../errors.ts";
import { isLoopback } from "./endpoint.ts";

/** The environment's variables, as the caller passes them: the library reads none itself. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How connections are made. */
export interface ConnectionOptions {
  /** Certificates (PEM) of authorities to trust besides the usual ones. */
  readonly ca?: readonly string[];
  /** Where `http_proxy`, `https_proxy` and `no_proxy` are looked up, in lower or upper case. */
  readonly env?: Environment;
  /** In milliseconds: to connect (30 s), until an answer begins (5 min), between two pieces of an answer's body (1 min). */
  readonly timeouts?: { readonly connect?: number; readonly headers?: number; readonly body?: number };
}

/** The connections of one transport: direct ones, and those through proxies. */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #direct: Agent;
  readonly #proxies = new Map<string, ProxyAgent>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#direct = new Agent(this.#settings());
  }

  #settings() {
    const { ca, timeouts } = this.#options;
    const tls = ca === undefined || ca.length === 0 ? {} : { ca: [...getCACertificates("default"), ...ca] };
    const timeout = timeouts?.connect ?? 30_000;
    return {
      connect: { timeout, ...tls },
      requestTls: { timeout, ...tls },
      proxyTls: { timeout, ...tls },
      headersTimeout: timeouts?.headers ?? 300_000,
      bodyTimeout: timeouts?.body ?? 60_000,
      maxHeaderSize: 64 * 1024,
    };
  }

  /** What carries requests to a URL. */
  for(url: URL): Dispatcher {
    const proxy = proxyFor(url, this.#options.env ?? {});
    if (proxy === undefined) return this.#direct;
    let agent = this.#proxies.get(proxy.href);
    if (agent === undefined) {
      agent = new ProxyAgent({ uri: proxy.href, ...this.#settings() });
      this.#proxies.set(proxy.href, agent);
    }
    return agent;
  }

  /** Ends every connection, those in use too. */
  async close(): Promise<void> {
    await Promise.all([this.#direct, ...this.#proxies.values()].map((agent) => agent.destroy()));
  }
}

/**
 * The proxy that the environment names for a URL; undefined for none. Loopback is never proxied. `no_proxy` is a list of host names
 * (which stand for their subdomains too), `host:port` pairs, or `*`.
 *
 * @throws VarveError `USAGE` when the variable is not a URL.
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  if (isLoopback(url.hostname)) return undefined;
  const variable = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  const text = lookUp(env, variable);
  if (text === undefined || isExempt(url, lookUp(env, "no_proxy") ?? "")) return undefined;
  const full = text.includes("://") ? text : `http://${text}`;
  const proxy = URL.canParse(full) ? new URL(full) : undefined;
  if (proxy === undefined || (proxy.protocol !== "http:" && proxy.protocol !== "https:")) {
    throw new VarveError("USAGE", `the variable ${variable} does not hold the URL of an HTTP proxy`);
  }
  return proxy;
}

function lookUp(env: Environment, name: string): string | undefined {
  return env[name] || env[name.toUpperCase()] || undefined;
}

function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*") return true;
      const [, name, onlyPort] = /^(.*?)(?::([0-9]+))?$/.exec(entry.replace(/^\*?\./, ""))!;
      // An IPv6 address may be written with or without its brackets.
      if (entry === host || `[${entry}]` === host) return true;
      if (onlyPort !== undefined && onlyPort !== port) return false;
      return host === name || host.endsWith(`.${name}`);
    });
}
