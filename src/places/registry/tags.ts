/** What a repository has: OCI distribution specification, "Listing Tags". */
import { isTag } from "#oci";
import { parseJson } from "#util";
import { RegistryFailure } from "./http/failure.ts";
import { discard, readBody, statusFailure } from "./http/http.ts";
import { pullScope, type RegistryApi } from "./http/registry-api.ts";

/** Which tags are listed. */
export interface TagsRequest {
  readonly repository: string;
  /** Only tags behind this text, in the order of their bytes, where the registry knows how; else all. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How many tags are asked for at once; a registry may give fewer, or all. */
const PAGE = 1000;

/** In bytes: a page with a hundred thousand of the longest tags. */
const MAX_PAGE = 16 * 1024 * 1024;

/** Enough for a million tags. */
const MAX_PAGES = 1000;

/** The tags of a repository, page by page, as the registry orders them. A repository that isn't there has none. */
export async function* listTags(
  api: RegistryApi,
  { repository, after, signal }: TagsRequest,
): AsyncGenerator<readonly string[], void, void> {
  const what = `the list of tags of ${api.registry}/${repository}`;
  const path = `/v2/${repository}/tags/list`;
  const query = new URLSearchParams({ n: String(PAGE), ...(after !== undefined && { last: after }) });
  let target: string | URL = `${path}?${query}`;
  for (let page = 0; page < MAX_PAGES; page++) {
    const response = await api.send({
      method: "GET",
      target,
      what,
      repository,
      scopes: [pullScope(repository)],
      headers: { accept: "application/json" },
      signal,
    });
    if (response.status === 404) {
      await discard(response);
      return;
    }
    if (response.status !== 200) throw await statusFailure(response, what);
    const bytes = await readBody(response, { what, limit: MAX_PAGE, signal });
    yield tagsIn(parseJson(bytes, { what, maxBytes: MAX_PAGE }), what);
    const next = nextPage(response.headers.get("link"), response.url);
    // The next page of this list, and nothing else of this registry or of another.
    if (next === undefined || next.pathname !== response.url.pathname || next.origin !== response.url.origin)
      return;
    if (next.search === response.url.search) return;
    target = `${path}${next.search}`;
  }
  throw new RegistryFailure("TOO_LARGE", `${what} has more than ${MAX_PAGES} pages`);
}

function tagsIn(value: unknown, what: string): string[] {
  const { tags } = (typeof value === "object" && value !== null ? value : {}) as { tags?: unknown };
  // Registries differ in what they say of a repository whose tags are gone.
  if (tags === null || tags === undefined) return [];
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")) {
    throw new RegistryFailure("REGISTRY_PROTOCOL", `${what} is no list of tags`);
  }
  return tags.filter(isTag);
}

/** RFC 8288, as far as registries use it. */
function nextPage(link: string | undefined, base: URL): URL | undefined {
  const [, target] = /^\s*<([^>]{1,2000})>\s*;\s*rel="?next"?\s*$/i.exec(link ?? "") ?? [];
  return target !== undefined && URL.canParse(target, base.href) ? new URL(target, base) : undefined;
}
