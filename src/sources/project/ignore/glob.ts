/**
 * Matches paths against globs in time that grows with their lengths only: all ways of reading a glob are followed at once.
 */
import { VarveError } from "#errors";

/** What a glob is made of: one character; `*`; anything at all; and anything that ends in a slash, which may be left out. */
export type Step = ((char: string) => boolean) | "name" | "all" | "maybe-folders" | "folders";

/** Where a glob was written, for messages. */
export interface GlobOrigin {
  readonly text: string;
  readonly origin: string;
}

/**
 * A glob's steps.
 * @param chars its characters
 * @throws VarveError `INVALID_SPEC`
 */
export function stepsOf(chars: readonly string[], about: GlobOrigin): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!;
    if (char === "*" && chars[at + 1] === "*") {
      const isFirst = at === 0;
      at += chars[at + 2] === "/" ? 2 : 1;
      const rest = chars.slice(at + 1);
      // At the start it also stands for the beginning of a name, if no slash comes after it and nothing but plain text.
      const isSuffix = isFirst && chars[at] !== "/" && !rest.some((each) => "*?[]\\".includes(each));
      if (rest.length === 0 || isSuffix) steps.push("all");
      else steps.push("maybe-folders", "folders");
    } else if (char === "*") {
      steps.push("name");
    } else if (char === "?") {
      steps.push((candidate) => candidate !== "/");
    } else if (char === "[") {
      const end = endOfClass(chars, at, about);
      steps.push(classOf(chars.slice(at + 1, end), about));
      at = end;
    } else if (char === "\\") {
      if (++at === chars.length) throw wrongPattern(about);
      const literal = chars[at];
      steps.push((candidate) => candidate === literal);
    } else {
      steps.push((candidate) => candidate === char);
    }
  }
  return steps;
}

function endOfClass(chars: readonly string[], start: number, about: GlobOrigin): number {
  for (let at = start + 1; at < chars.length; at++) {
    if (chars[at] === "\\") at++;
    else if (chars[at] === "]") return at;
  }
  throw wrongPattern(about);
}

/** `[a-z]`, and `[^a-z]` for all others. */
function classOf(content: readonly string[], about: GlobOrigin): (char: string) => boolean {
  const negated = content[0] === "^";
  const ranges: { from: number; to: number }[] = [];
  let at = negated ? 1 : 0;
  const next = (): number => {
    if (content[at] === "-" || content[at] === undefined) throw wrongPattern(about);
    if (content[at] === "\\") at++;
    return content[at++]!.codePointAt(0)!;
  };
  while (at < content.length) {
    const from = next();
    let to = from;
    if (content[at] === "-") {
      at++;
      to = next();
    }
    if (to < from) throw wrongPattern(about);
    ranges.push({ from, to });
  }
  if (ranges.length === 0) throw wrongPattern(about);
  return (char) => {
    const code = char.codePointAt(0)!;
    return ranges.some(({ from, to }) => from <= code && code <= to) !== negated;
  };
}

/** Whether the steps lead from a path's start to its end. */
export function isMatch(steps: readonly Step[], path: string): boolean {
  let states = new Set<number>();
  enter(states, { steps, state: 0 });
  for (const char of path) {
    const next = new Set<number>();
    for (const state of states) {
      const step = steps[state];
      if (typeof step === "function") {
        if (step(char)) enter(next, { steps, state: state + 1 });
      } else if (step === "all" || step === "folders" || (step === "name" && char !== "/")) {
        enter(next, { steps, state });
        if (step === "folders" && char === "/") enter(next, { steps, state: state + 1 });
      }
    }
    if (next.size === 0) return false;
    states = next;
  }
  return states.has(steps.length);
}

/** Comes to a step, and to those that come next if it stands for nothing. */
function enter(states: Set<number>, at: { readonly steps: readonly Step[]; readonly state: number }): void {
  const { steps, state } = at;
  if (states.has(state)) return;
  states.add(state);
  const step = steps[state];
  if (step === "maybe-folders") {
    enter(states, { steps, state: state + 1 });
    enter(states, { steps, state: state + 2 });
  } else if (step === "all" || step === "name") {
    enter(states, { steps, state: state + 1 });
  }
}

export function wrongPattern({ origin, text }: GlobOrigin): VarveError {
  return new VarveError(
    "INVALID_SPEC",
    `${origin} has the pattern ${JSON.stringify(text)}, which is none: it names nothing, a bracket is wrong, or nothing comes after a backslash`,
  );
}
