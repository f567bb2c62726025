const LOOKS_LIKE_PATH = /^\.{0,2}\/|\.(tar|tgz|tar\.gz|tar\.zst)$/;

/** Whether nobody would take a text for an image in a registry: it is a path, or has an archive's ending. */
export function looksLikePath(text: string): boolean {
  return LOOKS_LIKE_PATH.test(text);
}

/** The path that a path lies in; the empty text for a name without a slash, and for what lies in the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}
