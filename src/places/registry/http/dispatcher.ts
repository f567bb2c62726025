import type { Agent } from "node:http";
import { VarveError } from "#errors";
import { nodeHttp, nodeTls, type Waits } from "#util";
import { isLoopback } from "./endpoint.ts";
import { tunnelAgent } from "./tunnel.ts";

/** The environment's variables, as the caller passes them: the library reads none itself. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How connections are made. */
export interface ConnectionOptions {
  /** Certificates (PEM) of authorities to trust besides the usual ones. */
  readonly ca?: readonly string[];
  /** Where `http_proxy`, `https_proxy` and `no_proxy` are looked up, in lower or upper case. */
  readonly env?: Environment;
  /**
   * In milliseconds: to connect (30 s), from the end of a request until its answer begins (5 min), for each 64 KiB of a body that
   * is sent or received (1 min). Time in which varve itself has nothing to send, or is busy with what it has received, doesn't count.
   */
  readonly timeouts?: { readonly connect?: number; readonly headers?: number; readonly body?: number };
}

/** How long a connection without requests is kept, in milliseconds: servers close theirs after five seconds or more. */
const IDLE = 4000;

/** The connections of one HTTP client: direct ones, and those through proxies. */
export class Connections {
  /** How long to wait for the peer. */
  readonly waits: Required<Waits>;
  readonly #env: Environment;
  readonly #ca: string[] | undefined;
  readonly #agents = new Map<string, Agent>();

  constructor({ ca = [], env = {}, timeouts = {} }: ConnectionOptions) {
    this.waits = { connect: 30_000, headers: 300_000, body: 60_000, ...timeouts };
    this.#env = env;
    this.#ca = ca.length === 0 ? undefined : [...nodeTls().getCACertificates("default"), ...ca];
  }

  /** The agent with the connections for requests to a URL. */
  for(url: URL): Agent {
    const proxy = proxyFor(url, this.#env);
    const key = `${url.protocol} ${proxy?.href ?? ""}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = this.#make(url.protocol === "https:", proxy);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  #make(secure: boolean, proxy: URL | undefined): Agent {
    const options = {
      keepAlive: true,
      timeout: IDLE,
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
    };
    if (proxy !== undefined)
      return tunnelAgent(proxy, { secure, patience: this.waits.connect ?? 0, ...options });
    const { Agent } = nodeHttp(secure);
    return new Agent(options);
  }

  /** Ends every connection, including those in use. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
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
