/**
 * Patterns of `.dockerignore`, as Docker's engine and BuildKit have them: those of Go's `filepath.Match`, `**` for any
 * folders, and `!` for what stays in although an earlier pattern matched.
 */
import { posix } from "node:path";
import { isMatch, stepsOf, wrongPattern } from "./glob.ts";

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
    if (path === "!" || path === "!/") throw wrongPattern(about);
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
  const steps = stepsOf([...path], about);
  const last = path.slice(path.lastIndexOf("/") + 1).replace(/\[[^\]]*\]/g, "");
  const [start] = /^[^*?[\\]*/.exec(path)!;
  const matches =
    start === path
      ? (candidate: string) => candidate === path
      : (candidate: string) => candidate.startsWith(start) && isMatch(steps, candidate);
  return { ...about, named: /[\p{L}\p{N}]/u.test(last), start, matches };
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
