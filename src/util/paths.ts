const LOOKS_LIKE_PATH = /^\.{0,2}\/|\.(tar|tgz|tar\.gz|tar\.zst)$/;

/** Whether nobody would take a text for an image in a registry: it is a path, or has an archive's ending. */
export function looksLikePath(text: string): boolean {
  return LOOKS_LIKE_PATH.test(text);
}
