import { isLoopback } from "../http/endpoint.ts";

/**
 * Domains under which unrelated people have hosts of their own. It isn't a full list of public suffixes: it covers domains under
 * which there are registries, and when in doubt withholds credentials.
 */
const SHARED_DOMAINS = new Set([
  "amazonaws.com",
  "appspot.com",
  "azurecr.io",
  "azurewebsites.net",
  "cloudapp.net",
  "cloudfront.net",
  "compute.internal",
  "digitaloceanspaces.com",
  "fly.dev",
  "github.io",
  "gitlab.io",
  "githubpreview.dev",
  "herokuapp.com",
  "netlify.app",
  "ngrok.app",
  "ngrok.io",
  "ngrok-free.app",
  "onrender.com",
  "ondigitalocean.app",
  "pages.dev",
  "pkg.dev",
  "run.app",
  "sslip.io",
  "nip.io",
  "trycloudflare.com",
  "ts.net",
  "vercel.app",
  "web.app",
  "windows.net",
  "workers.dev",
  "cluster.local",
  "svc.cluster.local",
]);

/** Second levels under which countries register names, as in `example.co.uk`. */
const COUNTRY_SECOND_LEVELS = new Set([
  "ac",
  "co",
  "com",
  "edu",
  "gob",
  "gov",
  "go",
  "govt",
  "mil",
  "ne",
  "net",
  "nom",
  "or",
  "org",
  "sch",
]);

/** What {@link mayReceiveCredentials} decides on. */
export interface RealmQuestion {
  /** The token server that the registry named. */
  readonly realm: URL;
  /** The registry's own origin. */
  readonly registry: URL;
  /** Hosts that the user trusts with this registry's credentials, with or without a port. */
  readonly trusted?: readonly string[] | undefined;
}

/**
 * Whether a registry's credentials may go to a token server it names. They may when the server
 *
 * - has the registry's own origin; or
 * - is on another machine, is asked over https, by a registry that was asked over https, and its host is the registry's host, or belongs to the same domain: the
 *   hosts are equal from the registrable domain on, as `registry.gitlab.com` and `gitlab.com`, or `registry-1.docker.io` and
 *   `auth.docker.io`. Addresses have no domain, and neither have hosts under a domain that strangers share; or
 * - is one the user named, and is asked over https or is on this machine: then the user has named its port, too.
 *
 * On this machine each port may belong to another user, so here ports are distinguished like hosts elsewhere.
 *
 * To any other no credentials are sent; a token is asked for anonymously.
 */
export function mayReceiveCredentials({ realm, registry, trusted = [] }: RealmQuestion): boolean {
  if (realm.origin === registry.origin) return true;
  if (isLoopback(realm.hostname)) return trusted.includes(realm.host);
  if (realm.protocol !== "https:") return false;
  if (trusted.includes(realm.host) || trusted.includes(realm.hostname)) return true;
  // An attacker who can change an unencrypted answer could name any host of a large domain.
  if (registry.protocol !== "https:") return false;
  if (realm.hostname === registry.hostname) return true;
  const domain = registrableDomain(registry.hostname);
  return domain !== undefined && domain === registrableDomain(realm.hostname);
}

/** The part of a host name that one owner registered, as far as that can be known; undefined for addresses and shared domains. */
function registrableDomain(hostname: string): string | undefined {
  const labels = hostname.toLowerCase().replace(/\.$/, "").split(".");
  if (labels.length < 2 || hostname.startsWith("[") || /^[0-9]+$/.test(labels.at(-1)!)) return undefined;
  for (let length = 2; length <= labels.length; length++) {
    if (SHARED_DOMAINS.has(labels.slice(-length).join("."))) return undefined;
  }
  const country = labels.at(-1)!.length === 2 && COUNTRY_SECOND_LEVELS.has(labels.at(-2)!);
  const length = country ? 3 : 2;
  return labels.length < length ? undefined : labels.slice(-length).join(".");
}
