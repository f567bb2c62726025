/** A command as people type it, as the list of words that it is. */

/**
 * Splits a text into words as a shell does: at spaces, but for what is quoted or comes after a backslash.
 * @returns undefined for what only a shell can make sense of: variables, patterns, several commands, redirections, and
 *   quotes without an end
 */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "'" || char === '"') {
      const quoted = char === "'" ? singleQuoted(text, at) : doubleQuoted(text, at);
      if (quoted === undefined) return undefined;
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (char === "\\") {
      const next = text[++at];
      if (next === undefined) return undefined;
      word = (word ?? "") + next;
    } else if (/\s/.test(char)) {
      if (char === "\n" && (word !== undefined || words.length > 0) && text.slice(at).trim() !== "")
        return undefined;
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (/[|&;<>()$`*?[\]#~{}!]/.test(char) && isSpecial(char, word)) {
      return undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** These mean something only where a word begins. */
function isSpecial(char: string, word: string | undefined): boolean {
  return !/[#~!]/.test(char) || word === undefined;
}

interface Quoted {
  readonly text: string;
  /** Where the closing quote is. */
  readonly end: number;
}

function singleQuoted(text: string, start: number): Quoted | undefined {
  const end = text.indexOf("'", start + 1);
  return end === -1 ? undefined : { text: text.slice(start + 1, end), end };
}

function doubleQuoted(text: string, start: number): Quoted | undefined {
  let quoted = "";
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at]!;
    if (char === '"') return { text: quoted, end: at };
    if (char === "$" || char === "`") return undefined;
    if (char === "\\" && /["\\$`]/.test(text[at + 1] ?? "")) at++;
    quoted += text[at];
  }
  return undefined;
}
