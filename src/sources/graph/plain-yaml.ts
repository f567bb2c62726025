/**
 * The YAML that package managers write: maps by indentation, lists of plain items, texts on one line. It is all that most lock
 * files have, and reading it line by line takes a twentieth of the time; whatever else there is, is left to the library.
 */

/** Deeper than any lock file. */
const MAX_DEPTH = 64;

/** What isn't as plain as this reads. */
class Unusual extends Error {}

/** The value of a text, all scalars as texts; undefined if anything in it isn't plain, right or wrong. */
export function parsePlainYaml(text: string): unknown {
  if (/[\t\r\u0000-\u0008\ufeff]|^(?:---|\.\.\.|%)/m.test(text)) return undefined;
  try {
    const lines = new Lines(text);
    const value = block(lines, lines.indent, 0);
    return lines.isDone && value !== undefined ? value : undefined;
  } catch (error) {
    if (error instanceof Unusual) return undefined;
    throw error;
  }
}

/** A text's lines, without those that are empty or comments. */
class Lines {
  readonly #lines: readonly string[];
  #at = -1;
  /** Spaces before the line, and what comes after them. */
  indent = 0;
  line = "";

  constructor(text: string) {
    this.#lines = text.split("\n");
    this.next();
  }

  get isDone(): boolean {
    return this.#at >= this.#lines.length;
  }

  next(): void {
    for (this.#at++; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at]!;
      let indent = 0;
      while (line.charCodeAt(indent) === 32) indent++;
      if (indent === line.length || line.charCodeAt(indent) === 35) continue;
      this.indent = indent;
      this.line = line.slice(indent);
      return;
    }
    this.indent = -1;
    this.line = "";
  }

  /** The lines after this one that are indented by more, as they are. */
  literal(above: number): string[] {
    const found: string[] = [];
    let indent: number | undefined;
    for (let at = this.#at + 1; at < this.#lines.length; at++) {
      const line = this.#lines[at]!;
      const own = line.search(/[^ ]/);
      if (own === -1 ? indent === undefined || line.length > indent : false) throw new Unusual();
      if (own !== -1 && own <= above) break;
      indent ??= own;
      if (own !== -1 && own < indent) throw new Unusual();
      found.push(line.slice(indent));
    }
    this.#at += found.length;
    return found;
  }
}

function block(lines: Lines, indent: number, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Unusual();
  return lines.line.startsWith("- ") ? list(lines, indent) : map(lines, indent, depth);
}

function list(lines: Lines, indent: number): string[] {
  const items: string[] = [];
  while (lines.indent === indent && lines.line.startsWith("- ")) {
    const item = lines.line.slice(2);
    if (/: |:$/.test(item) && !item.startsWith("'")) throw new Unusual();
    items.push(scalar(item));
    lines.next();
  }
  if (lines.indent > indent) throw new Unusual();
  return items;
}

function map(lines: Lines, indent: number, depth: number): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  while (lines.indent === indent) {
    const { key, rest } = entry(lines.line);
    if (key === "__proto__" || Object.hasOwn(found, key)) throw new Unusual();
    if (rest === "|" || rest === "|-") {
      const text = lines.literal(indent).join("\n").replace(/\n+$/, "");
      if (text === "") throw new Unusual();
      found[key] = rest === "|" ? `${text}\n` : text;
      lines.next();
      continue;
    }
    lines.next();
    if (rest !== "") found[key] = value(rest);
    else if (lines.indent > indent || (lines.indent === indent && lines.line.startsWith("- "))) {
      found[key] = block(lines, lines.indent, depth + 1);
    } else throw new Unusual();
  }
  if (lines.indent > indent) throw new Unusual();
  return found;
}

/** A line's key, and what comes after the colon. */
function entry(line: string): { key: string; rest: string } {
  if (line.startsWith("'")) {
    const [whole, quoted] = /^'((?:[^']|'')*)':(?: |$)/.exec(line) ?? [];
    if (whole === undefined) throw new Unusual();
    return { key: quoted!.replaceAll("''", "'"), rest: line.slice(whole.length) };
  }
  const colon = line.search(/:(?: |$)/);
  if (colon <= 0) throw new Unusual();
  return { key: scalar(line.slice(0, colon)), rest: line.slice(colon + 2) };
}

function value(text: string): unknown {
  if (text.startsWith("{") || text.startsWith("[")) {
    const flow = new Flow(text);
    const found = flow.value();
    if (flow.rest !== "") throw new Unusual();
    return found;
  }
  return scalar(text);
}

/** A text on a line, plain or in single quotes. */
function scalar(text: string): string {
  const [, quoted] = /^'((?:[^']|'')*)'$/.exec(text) ?? [];
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  if (text === "" || /^[\s,[\]{}#&*!|>'"%@`?:-]|\s$|: |:$| #/.test(text)) throw new Unusual();
  return text;
}

/** Lists and maps on one line, of texts. */
class Flow {
  rest: string;

  constructor(text: string) {
    this.rest = text;
  }

  value(): unknown {
    return this.rest.startsWith("{") ? this.#map() : this.rest.startsWith("[") ? this.#list() : this.#text();
  }

  #list(): unknown[] {
    const items: unknown[] = [];
    this.#each("]", () => items.push(this.#text()));
    return items;
  }

  #map(): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    this.#each("}", () => {
      const key = this.#text();
      if (key === "__proto__" || Object.hasOwn(found, key) || !this.#skip(": ")) throw new Unusual();
      if (/^[[{]/.test(this.rest)) throw new Unusual();
      found[key] = this.#text();
    });
    return found;
  }

  #each(end: string, item: () => void): void {
    this.rest = this.rest.slice(1);
    if (this.#skip(end)) return;
    do item();
    while (this.#skip(", "));
    if (!this.#skip(end)) throw new Unusual();
  }

  #skip(text: string): boolean {
    if (!this.rest.startsWith(text)) return false;
    this.rest = this.rest.slice(text.length);
    return true;
  }

  #text(): string {
    const [found] = /^(?:'(?:[^']|'')*'|(?:[^,[\]{}:]|:(?=[^ ,[\]{}]))+)/.exec(this.rest) ?? [""];
    this.rest = this.rest.slice(found.length);
    return scalar(found);
  }
}
