/** An image's name and tag, as they follow from a package's, and the place of that in it. */
import { basename } from "node:path";

/** Where a project, or its workspace, is in the image, unless its spec says otherwise. */
export const FOLDER_IN_IMAGE = "/app";

/** Docker's registries take no more. */
const MAX_TAG = 128;

/**
 * A package's name as a repository's: a scope is the folder it is in, unless a registry's host could be meant by it.
 * @param folder whose name is taken where the package has none
 */
export function imageName(name: string | undefined, folder: string): string {
  const [, scope, rest] = /^@([^/]+)\/(.+)$/.exec(name ?? "") ?? [];
  const own = part(rest ?? name ?? basename(folder)) ?? "app";
  const above = scope === undefined ? undefined : part(scope.replaceAll(".", "-"));
  return above === undefined || above === "localhost" ? own : `${above}/${own}`;
}

/** What a registry takes as one part of a path; undefined if nothing is left. */
function part(text: string): string | undefined {
  const fit = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|[._-]+$/g, "")
    // Of separators a single dot, one or two underscores or any number of dashes may stand together.
    .replace(/[._-]{2,}/g, (run) => (/^(?:__|-+)$/.test(run) ? run : "-"));
  return fit === "" ? undefined : fit;
}

/** A version as a tag; undefined where there is none. */
export function imageTag(version: string | undefined): string | undefined {
  const fit = version
    ?.replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[.-]+/, "")
    .slice(0, MAX_TAG);
  return fit === "" ? undefined : fit;
}
