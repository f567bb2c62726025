/**
 * Patterns of `.dockerignore`, as Docker's engine and BuildKit have them: those of Go's `filepath.Match`, `**` for any
 * folders, and `!` for what stays in although an earlier pattern matched.
 */
import { posix } from "node:path";
import { VarveError } from "#errors";

/** One pattern. */
export interface Pattern {
  /** As it was written, for messages. */
  readonly text: string;
  /** Where it was written, for messages, such as `.dockerignore`. */
  readonly origin: string;
  /** Whether what it matches stays in. */
  readonly negated: boolean;
  /** Its last part has letters or digits, so that what matches it is meant by its name. */
  readonly named: boolean;
  /** What every path that it matches begins with: the pattern itself, up to the first character that isn't plain. */
  readonly start: string;
  /** Whether it matches this very path: no slash at its start or end, and not the folders that it is in. */
  matches(path: string): boolean;
}

/**
 * The patterns in a file's text, one a line; lines that begin with `#` are comments.
 * @throws VarveError `INVALID_SPEC` for a pattern that is none
 */
export function parsePatterns(text: string, origin: string): Pattern[] {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  return readPatterns(
    lines.filter((line) => !line.startsWith("#")),
    origin,
  );
}

/**
 * Patterns, each a text of its own; empty ones count for nothing.
 * @throws VarveError `INVALID_SPEC`
 */
export function readPatterns(texts: readonly string[], origin: string): Pattern[] {
  return texts.flatMap((line) => {
    const text = line.trim();
    if (text === "") return [];
    // What a slash or a dot at the start hides counts as if it were there, as it does for the engine.
    const path = clean(withoutSlash(text));
    const negated = path.startsWith("!");
    const about = { text, origin, negated };
    if (path === "!" || path === "!/") throw wrong(about);
    return [compile(negated ? path.slice(1) : path, about)];
  });
}

/** A pattern whose path is the shortest that says the same. */
function clean(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}

/** A pattern whose path begins at the project's folder, whether it says so by a slash or not. */
function withoutSlash(text: string): string {
  const [, mark = "", given = ""] = /^(!?)\s*(.*)$/s.exec(text)!;
  const path = given === "" ? "" : clean(given);
  return (mark + (path.length > 1 && path.startsWith("/") ? path.slice(1) : path)).trim();
}

function compile(path: string, about: Pick<Pattern, "text" | "origin" | "negated">): Pattern {
  const regExp = new RegExp(`^${regExpOf(path, about)}$`, "su");
  const last = path.slice(path.lastIndexOf("/") + 1).replace(/\[[^\]]*\]/g, "");
  const [start] = /^[^*?[\\]*/.exec(path)!;
  return {
    ...about,
    named: /[\p{L}\p{N}]/u.test(last),
    start,
    matches: (candidate) => regExp.test(candidate),
  };
}

function regExpOf(path: string, about: Pick<Pattern, "text" | "origin">): string {
  let source = "";
  for (let at = 0; at < path.length; at++) {
    const char = path[at]!;
    if (char === "*" && path[at + 1] === "*") {
      const isFirst = at === 0;
      at++;
      if (path[at + 1] === "/") at++;
      const isLast = at === path.length - 1;
      // At the start it also stands for the beginning of a name, if no slash comes after it and nothing but plain text.
      const isSuffix = isFirst && path[at] !== "/" && !/[*?[\]\\]/.test(path.slice(at + 1));
      source += isLast || isSuffix ? ".*" : "(?:.*/)?";
    } else if (char === "*") {
      source += "[^/]*";
    } else if (char === "?") {
      source += "[^/]";
    } else if (char === "[") {
      const end = endOfClass(path, at, about);
      source += classOf(path.slice(at + 1, end), about);
      at = end;
    } else if (char === "\\") {
      if (++at === path.length) throw wrong(about);
      source += literal(path[at]!);
    } else {
      source += literal(char);
    }
  }
  return source;
}

/** Text that stands for itself. Half of a character is put together with its other half. */
function literal(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

function endOfClass(path: string, start: number, about: Pick<Pattern, "text" | "origin">): number {
  for (let at = start + 1; at < path.length; at++) {
    if (path[at] === "\\") at++;
    else if (path[at] === "]") return at;
  }
  throw wrong(about);
}

/** `[a-z]`, and `[^a-z]` for all others. */
function classOf(content: string, about: Pick<Pattern, "text" | "origin">): string {
  const negated = content.startsWith("^");
  const units = [...(negated ? content.slice(1) : content).matchAll(/\\(.)|([^\\])/gsu)];
  let source = "";
  for (let at = 0; at < units.length; at++) {
    const [, escaped, plain] = units[at]!;
    if (plain === "-") throw wrong(about);
    const from = escaped ?? plain!;
    source += `\\u{${from.codePointAt(0)!.toString(16)}}`;
    if (units[at + 1]?.[2] !== "-") continue;
    const to = units[at + 2]?.[1] ?? units[at + 2]?.[2];
    if (to === undefined || to === "-" || to.codePointAt(0)! < from.codePointAt(0)!) throw wrong(about);
    source += `-\\u{${to.codePointAt(0)!.toString(16)}}`;
    at += 2;
  }
  if (source === "") throw wrong(about);
  return `[${negated ? "^" : ""}${source}]`;
}

function wrong({ origin, text }: Pick<Pattern, "text" | "origin">): VarveError {
  return new VarveError(
    "INVALID_SPEC",
    `${origin} has the pattern ${JSON.stringify(text)}, which is none: it names nothing, a bracket is wrong, or nothing comes after a backslash`,
  );
}

/** Whether a pattern may match something in a folder. */
export function reachesInto({ start }: Pattern, folder: string): boolean {
  return start.startsWith(`${folder}/`) || `${folder}/`.startsWith(start);
}

/** What is known of a folder, for what is in it: which patterns matched the folder or one that it is in. */
export type Matches = readonly boolean[];

/** Whether a path is left out, and by which pattern. */
export interface Verdict {
  /** The pattern that decided; undefined if none matched. */
  readonly by: Pattern | undefined;
  readonly matches: Matches;
}

/**
 * Which pattern decides on a path: the last that matches it or a folder that it is in. As the engine does, a pattern is only
 * tried where it would change something, so `!a` behind `a/b` doesn't bring `a/b` back.
 * @param parent what is known of the folder that the path is in; undefined for what is at the top
 */
export function judge(patterns: readonly Pattern[], path: string, parent: Matches | undefined): Verdict {
  let isOut = false;
  let by: Pattern | undefined;
  const matches = patterns.map((pattern, index) => {
    const inherited = parent?.[index] === true;
    const isMatch = inherited || (pattern.negated === isOut && pattern.matches(path));
    if (isMatch && (isOut === pattern.negated || by === undefined)) by = pattern;
    if (isMatch) isOut = !pattern.negated;
    return isMatch;
  });
  return { by, matches };
}
