/** JSON as people write it: with comments, and with commas behind the last of several. */

const STRING = String.raw`"(?:[^"\\\n]|\\.)*"`;
const COMMENT = new RegExp(String.raw`${STRING}|//[^\n]*|/\*[\s\S]*?\*/`, "g");
/** A comma without anything before it is none that trails. */
const TRAILING_COMMA = new RegExp(String.raw`${STRING}|(?<![[{,:]\s*),(?=\s*[}\]])`, "g");

/**
 * A text in which spaces stand for comments and for trailing commas, so that what is left is read as strictly as any
 * JSON, and what is wrong is still in the line where it was. Text that is no JSON is still none.
 */
export function withoutComments(text: string): string {
  const blank = (token: string) => (token.startsWith('"') ? token : token.replace(/[^\r\n]/g, " "));
  return text.replace(COMMENT, blank).replace(TRAILING_COMMA, blank);
}

/** Whether a text begins as a JSON object does, perhaps after comments. */
export function startsObject(text: string): boolean {
  return /^(?:\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*\{/.test(text);
}
