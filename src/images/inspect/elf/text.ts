/** Texts among other bytes, which end with a NUL. */

/** In bytes: longer names aren't files. */
export const MAX_TEXT = 4096;

/** The text at a place; undefined if there is none, or it is longer than names are. */
export function textAt(bytes: Buffer, at: number): string | undefined {
  const end = at < bytes.length ? bytes.indexOf(0, at) : -1;
  return end === -1 || end - at > MAX_TEXT ? undefined : bytes.toString("latin1", at, end);
}
