import {
  type Descriptor,
  type Digest,
  formatReference,
  MAX_MANIFEST_BYTES,
  MediaType,
  parseIndex,
} from "#oci";
import { checkCount, ofType } from "#referrers";
import { oneLine } from "#util";
import { RegistryFailure } from "../http/failure.ts";
import { discard, type HttpResponse, readBody, statusFailure } from "../http/http.ts";
import { type ApiRequest, pullScope, type RegistryApi } from "../http/registry-api.ts";

/** Whose referrers are asked for. */
export interface ReferrersRequest {
  readonly repository: string;
  /** The digest of the manifest or index that they refer to. */
  readonly digest: Digest;
  /** Only those of this type; others are left out here where the registry doesn't do that. */
  readonly artifactType?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Answers of registries that have no such endpoint. The specification has 404, and some know no other way to say so than that nobody is
 * allowed to, or to lead to a page for people; whoever isn't allowed to read the repository is told when its tag is asked for.
 */
const NO_API = new Set([303, 400, 401, 403, 404, 405, 406, 501]);

/** A list has as many pages as it has entries at most, and nobody has many. */
const MAX_PAGES = 1000;

/**
 * Asks for a manifest's referrers, page by page: OCI distribution specification, "Listing Referrers".
 * @returns undefined where the registry has no API for that
 */
export async function listReferrers(
  api: RegistryApi,
  request: ReferrersRequest,
): Promise<readonly Descriptor[] | undefined> {
  const { repository, digest, artifactType, signal } = request;
  const what = `the referrers of ${formatReference({ registry: api.registry, repository, digest })}`;
  const query = artifactType === undefined ? "" : `?${new URLSearchParams({ artifactType })}`;
  const origin = await api.origin(signal);
  const found: Descriptor[] = [];
  const seen = new Set<string>();
  let next: URL | undefined = new URL(`/v2/${repository}/referrers/${digest}${query}`, origin);
  for (let page = 1; next !== undefined; page++) {
    if (page > MAX_PAGES || seen.has(next.href)) {
      throw new RegistryFailure("REGISTRY_PROTOCOL", `${api.registry} has no end of pages for ${what}`);
    }
    seen.add(next.href);
    const response = await ask(api, { target: next, what, repository, signal });
    if (response === undefined) return undefined;
    if (page === 1 && isNoAnswer(response)) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await statusFailure(response, what);
    const isFiltered = filters(response).includes("artifactType");
    next = nextPage(response, origin, what);
    const bytes = await readBody(response, { what, limit: MAX_MANIFEST_BYTES, signal });
    const { manifests } = parseIndex(bytes, { what }).value;
    found.push(...(isFiltered ? manifests : ofType(manifests, artifactType)));
    checkCount(found.length, what);
  }
  return found;
}

/** An answer, after redirects; undefined where nobody may ask. */
async function ask(
  api: RegistryApi,
  request: Pick<ApiRequest, "target" | "what" | "signal"> & { readonly repository: string },
): Promise<HttpResponse | undefined> {
  const scopes = [pullScope(request.repository)];
  const get = { ...request, method: "GET", scopes, headers: { accept: MediaType.ociIndex } } as const;
  try {
    // Where a page for people would be isn't asked, since it may have an answer that is to be waited for.
    const response = await api.send({ ...get, redirects: false });
    if (![301, 302, 307, 308].includes(response.status)) return response;
    await discard(response);
    return await api.send(get);
  } catch (error) {
    if (error instanceof RegistryFailure && error.status === 401) return undefined;
    throw error;
  }
}

/** Whether an answer is none to the question. The specification wants the index's own media type. */
function isNoAnswer({ status, headers }: HttpResponse): boolean {
  const type = (headers.get("content-type") ?? "").replace(/;.*/s, "").trim().toLowerCase();
  return NO_API.has(status) || (status === 200 && type !== MediaType.ociIndex);
}

function filters({ headers }: HttpResponse): string[] {
  return headers.all("oci-filters-applied").flatMap((value) => value.split(",").map((name) => name.trim()));
}

/** The page that follows (RFC 8288), at the registry itself: no other host is asked. */
function nextPage({ headers, url }: HttpResponse, origin: URL, what: string): URL | undefined {
  for (const link of headers.all("link").flatMap((value) => value.split(/,(?=\s*<)/))) {
    const [, target = ""] = /^\s*<([^>]*)>.*;\s*rel\s*=\s*"?next"?\s*(?:;|$)/i.exec(link) ?? [];
    if (target === "") continue;
    const next = URL.canParse(target, url.href) ? new URL(target, url) : undefined;
    if (next?.origin === origin.origin) return next;
    throw new RegistryFailure(
      "REGISTRY_PROTOCOL",
      `${origin.host} has ${oneLine(target, 100)} as the next page of ${what}, which isn't there`,
    );
  }
  return undefined;
}
