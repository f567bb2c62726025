/**
 * Text that others wrote (images, registries, specs, paths, scripts) on its way to a terminal, a log or a page. Whatever
 * is shown to people goes through here, so that no text moves the cursor, colours, hides or turns what is around it, or
 * makes a line that looks like one of varve's own. What is unfit is shown as an escape. The text itself isn't changed:
 * programs get it exactly, from `--json` and from the library.
 */

/**
 * Controls (C0, DEL, C1), marks without a shape of their own (those that turn the direction of text, or join and part
 * letters, or are a byte order mark), separators of lines and paragraphs, and halves of characters, which is how varve keeps
 * bytes that aren't UTF-8.
 */
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const ALL_UNFIT = new RegExp(UNFIT, "gu");
const ALL_UNFIT_BUT_LAYOUT = new RegExp(`(?![\\n\\t])${UNFIT.source}`, "gu");

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * A text on one line, for a place in a sentence or in a table: `\n`, `\x1b`, `\u202e`, `\u{e0041}` stand for what doesn't show.
 * What has been shown before stays as it is.
 * @param limit how many characters there may be; of a longer text the last one is an ellipsis
 */
export function shown(text: string, limit = Number.POSITIVE_INFINITY): string {
  if (text.length <= limit && !UNFIT.test(text)) return text;
  if (limit === Number.POSITIVE_INFINITY) return text.replace(ALL_UNFIT, escapeOf);
  let line = "";
  // What remains of a text that is too long: it doesn't end in the middle of an escape or a character.
  let kept = 0;
  for (const character of text) {
    line += UNFIT.test(character) ? escapeOf(character) : character;
    if (line.length > limit) return `${line.slice(0, kept)}…`;
    if (line.length < limit) kept = line.length;
  }
  return line;
}

/** A text of several lines, whose line ends and tabs are layout and stay; all else as in {@link shown}. */
export function shownLines(text: string): string {
  return text.replace(ALL_UNFIT_BUT_LAYOUT, escapeOf);
}

/** Words that somebody else said, for the end of a sentence: {@link shown}, with any white space as one space. */
export function oneLine(words: string, limit?: number): string {
  return shown(words.trim().replace(/\s+/g, " "), limit);
}

/** JSON of the same value, in which JSON's own escapes stand for what {@link shownLines} would change. */
export function shownJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(ALL_UNFIT_BUT_LAYOUT, (character) =>
    character
      .split("")
      .map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
      .join(""),
  );
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x100) return SHORT[character] ?? `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 5)}}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
