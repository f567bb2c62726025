/** Removing what nobody needs: OCI distribution specification, "Content Management". */
import { VarveError } from "#errors";
import type { Digest } from "#oci";
import { discard, statusFailure } from "./http/http.ts";
import { pushScope, type RegistryApi } from "./http/registry-api.ts";

/** What is to be removed. */
export interface Removal {
  readonly repository: string;
  readonly kind: "manifests" | "blobs";
  /** Of a manifest, which goes with all its tags, or of a blob. */
  readonly digest: Digest;
  readonly signal?: AbortSignal | undefined;
}

/** What became of it: `refused` by a registry that doesn't remove anything, or not for this user. */
export type Removed = "removed" | "gone" | "refused";

/** Docker Hub and GitHub's registry want it over their own interfaces; scopes are named differently by some. */
const REFUSALS: ReadonlySet<number> = new Set([400, 401, 403, 405, 501]);

/** Removes a manifest or a blob. */
export async function remove(api: RegistryApi, removal: Removal): Promise<Removed> {
  const { repository, kind, digest, signal } = removal;
  const what = `removing ${digest} from ${api.registry}/${repository}`;
  const request = {
    method: "DELETE",
    target: `/v2/${repository}/${kind}/${digest}`,
    what,
    repository,
    scopes: [pushScope(repository), `repository:${repository}:delete`],
    signal,
  } as const;
  const response = await api.send(request).catch((error: unknown) => {
    if (error instanceof VarveError && error.code === "UNAUTHORIZED") return undefined;
    throw error;
  });
  if (response === undefined) return "refused";
  const { status } = response;
  if (status >= 200 && status < 300) {
    await discard(response);
    return "removed";
  }
  if (status === 404 || REFUSALS.has(status)) {
    await discard(response);
    return status === 404 ? "gone" : "refused";
  }
  throw await statusFailure(response, what);
}
