/**
 * The image's history says which components a layer has, as with dockerTools: the comment of the layer's entry is
 * `store paths: ` and a list.
 */

const PREFIX = "store paths: ";

/** The comment for a layer of these components. */
export function componentsComment(components: readonly string[]): string {
  return PREFIX + JSON.stringify(components);
}

/** An escape in such a string: a code point in hexadecimal digits, or a character after a backslash. */
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|(.))/gs;
const CONTROLS: Partial<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** The components that a comment lists; empty for any other comment. */
export function componentsOf(comment: string | null | undefined): readonly string[] {
  if (!comment?.startsWith(PREFIX)) return [];
  return [...stringsIn(comment, PREFIX.length)].map((text) => text.replace(ESCAPE, unescaped));
}

/**
 * The strings of a list, in double quotes as JSON writes them, or in single quotes as Python does. (Written by
 * hand, since a regular expression takes hours for a comment with many unclosed quotes.)
 */
function* stringsIn(text: string, start: number): Generator<string, void, void> {
  for (let at = start; at < text.length; at++) {
    const quote = text[at];
    if (quote !== '"' && quote !== "'") continue;
    const from = ++at;
    while (at < text.length && text[at] !== quote) at += text[at] === "\\" ? 2 : 1;
    if (at >= text.length) return;
    yield text.slice(from, at);
  }
}

function unescaped(all: string, short?: string, byte?: string, long?: string, character = ""): string {
  const digits = short ?? byte ?? long;
  if (digits === undefined) return CONTROLS[character] ?? character;
  const code = Number.parseInt(digits, 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : all;
}
