const LOOKS_LIKE_PATH = /^\.{0,2}\/|\.(tar|tgz|tar\.gz|tar\.zst)$/;

/** Whether a text can't be meant as an image in a registry: it is a path, or ends like an archive's name. */
export function looksLikePath(text: string): boolean {
  return LOOKS_LIKE_PATH.test(text);
}

/** The path of the directory that a path is in; empty for a name without a slash, and for a name in the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}
