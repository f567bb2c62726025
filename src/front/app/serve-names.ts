/** What images are called in a registry that isn't their own. */
import { basename } from "node:path";
import type { Image } from "#image";
import { DEFAULT_REGISTRY, isRepository, isTag, parseReference, type Reference } from "#oci";

/** The tag that every image has, since it is the one that people needn't write. */
export const LATEST = "latest";

export function withLatest(tags: readonly string[]): string[] {
  return [...new Set([...tags, LATEST])];
}

/** The repository and the tag that an image has in a registry that isn't its own. */
export function ownName({ registry, repository, tag = LATEST }: Reference) {
  const own = registry === DEFAULT_REGISTRY ? repository.replace(/^library\/(?=[^/]+$)/, "") : repository;
  return { repository: own, tag };
}

/** The same of a name that an image has where it is. Those in layouts are often tags alone, and may be anything. */
export function nameIn(name: string): { readonly repository: string | undefined; readonly tag: string } {
  if (!/[/:]/.test(name)) return { repository: undefined, tag: isTag(name) ? name : LATEST };
  try {
    return ownName(parseReference(name));
  } catch {
    return { repository: undefined, tag: LATEST };
  }
}

/**
 * What an image is called where it comes from, or else what its file or folder is called; and its tags.
 * @param given its place
 */
export function namesOf(
  given: string,
  { names }: Image,
): { readonly repository: string; readonly tags: string[] } {
  const [, path = "", select = ""] = /^(?:[a-z-]+:)?([^:]*)(?::(.*))?$/s.exec(given) ?? [];
  const own = names.map(nameIn);
  const tags = own.length > 0 ? own.map(({ tag }) => tag) : isTag(select) ? [select] : [];
  const named = own.find(({ repository }) => repository !== undefined)?.repository;
  return { repository: named ?? nameOfFile(path), tags: withLatest(tags) };
}

/** A repository's name that is much like a file's. */
function nameOfFile(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/\.(tar|tgz|tar\.gz|tar\.zst|oci)$/, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return isRepository(name) ? name : "image";
}
