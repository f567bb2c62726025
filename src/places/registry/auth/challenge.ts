/** One way of authentication that a server offers: RFC 9110, section 11.6.1. */
export interface Challenge {
  /** In lower case, such as `bearer`. */
  readonly scheme: string;
  /** By name in lower case. */
  readonly params: ReadonlyMap<string, string>;
}

const MAX_LENGTH = 16 * 1024;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const SPACE = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;

/**
 * Reads the values of `WWW-Authenticate`: several challenges in one value, several values, quoted strings with commas and escapes. What
 * makes no sense ends the reading of its value; what came before it counts.
 */
export function parseChallenges(values: readonly string[]): Challenge[] {
  return values.flatMap((value) => parseValue(value.slice(0, MAX_LENGTH)));
}

function parseValue(text: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at += match[0].length;
    return match;
  };
  let params: Map<string, string> | undefined;
  for (;;) {
    take(SEPARATORS);
    const token = take(TOKEN)?.[0];
    if (token === undefined) return challenges;
    const afterToken = at;
    take(SPACE);
    if (text[at] === "=" && params !== undefined) {
      at++;
      take(SPACE);
      const quoted = take(QUOTED);
      const value = quoted !== null ? quoted[1]!.replace(/\\(.)/gs, "$1") : take(TOKEN)?.[0];
      if (value === undefined) return challenges;
      // The first of two equal names counts, whoever added the second.
      const name = token.toLowerCase();
      if (!params.has(name)) params.set(name, value);
      continue;
    }
    params = new Map();
    challenges.push({ scheme: token.toLowerCase(), params });
    if (at === afterToken) continue;
    take(TOKEN68);
  }
}
