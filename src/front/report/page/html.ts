/** Text on its way into a page. */
import { shown, shownJson } from "#util";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text as HTML, in an element or in an attribute with quotes, without what is unfit to be shown. */
export function escaped(text: string): string {
  return shown(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** A name as HTML: whatever the direction of its letters, it leaves that of the text around it as it is. */
export function nameHtml(text: string): string {
  return `<bdi>${escaped(text)}</bdi>`;
}

/** JSON for a script element, which no text in it can end. */
export function scriptJson(value: unknown): string {
  return shownJson(value).replace(
    /[<>&]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
