/** Licences, as SPDX expressions where they are. */
import parse from "spdx-expression-parse";

/** No real expression is longer, and the parser calls itself for each parenthesis. */
const MAX_LENGTH = 2000;

const known = new Map<string, Licence>();

/** An SPDX licence expression: one id, or several with operators; or a name that isn't in SPDX's list. */
export type Licence = { readonly id: string } | { readonly expression: string } | { readonly name: string };

/** What a licence is that a package says in its own words. */
export function licenceOf(said: string): Licence {
  const found = known.get(said) ?? read(said);
  if (known.size < 10_000) known.set(said, found);
  return found;
}

function read(said: string): Licence {
  const text = said.trim();
  try {
    if (text.length > MAX_LENGTH) return { name: text.slice(0, MAX_LENGTH) };
    const parsed = parse(text);
    // References lead to texts that are elsewhere.
    if (/(?:License|Document)Ref-/.test(text)) return { name: text };
    return "license" in parsed && parsed.license === text ? { id: text } : { expression: text };
  } catch {
    return { name: text };
  }
}
