/** Ranges of versions as npm has them, as far as `engines.node` uses them. What isn't understood allows everything. */

type Version = readonly [major: number, minor: number, patch: number];

/** From a version to below another. */
interface Span {
  readonly from: Version;
  readonly below: Version;
}

const END = Number.POSITIVE_INFINITY;
const ALL: Span = { from: [0, 0, 0], below: [END, 0, 0] };

/** Whether a range is understood. */
export function validRange(range: string): boolean {
  return range.split("||").every((part) => spanOf(part.trim()) !== undefined);
}

/** Whether a version, without a label behind it, is in a range. */
export function satisfies(version: string, range: string): boolean {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)$/.exec(version)?.slice(1).map(Number);
  if (parts === undefined) return true;
  return range.split("||").some((part) => {
    const span = spanOf(part.trim()) ?? ALL;
    return compare(parts, span.from) >= 0 && compare(parts, span.below) < 0;
  });
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!;
}

function spanOf(part: string): Span | undefined {
  const [, low, high] = /^(\S+)\s+-\s+(\S+)$/.exec(part) ?? [];
  const words =
    low === undefined ? part.replace(/([<>=~^]+)\s+/g, "$1").split(/\s+/) : [`>=${low}`, `<=${high}`];
  let span = ALL;
  for (const word of words) {
    const next = spanOfWord(word);
    if (next === undefined) return undefined;
    span = {
      from: compare(next.from, span.from) > 0 ? next.from : span.from,
      below: compare(next.below, span.below) < 0 ? next.below : span.below,
    };
  }
  return span;
}

function spanOfWord(word: string): Span | undefined {
  const parts = /^(>=|<=|>|<|=|\^|~>?|)v?(\d+|[xX*])?(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+].*)?$/.exec(
    word,
  );
  if (parts === null) return undefined;
  const [major, minor, patch] = parts
    .slice(2)
    .map((digits) => (digits === undefined || /\D/.test(digits) ? undefined : Number(digits)));
  if (major === undefined) return ALL;
  const from: Version = [major, minor ?? 0, patch ?? 0];
  const next: Version =
    minor === undefined
      ? [major + 1, 0, 0]
      : patch === undefined
        ? [major, minor + 1, 0]
        : [major, minor, patch + 1];
  switch (parts[1]) {
    case ">=":
      return { ...ALL, from };
    case ">":
      return { ...ALL, from: next };
    case "<":
      return { ...ALL, below: from };
    case "<=":
      return { ...ALL, below: next };
    case "^":
      return {
        from,
        below:
          major > 0 || minor === undefined
            ? [major + 1, 0, 0]
            : minor > 0 || patch === undefined
              ? [0, minor + 1, 0]
              : next,
      };
    case "~":
    case "~>":
      return { from, below: minor === undefined ? [major + 1, 0, 0] : [major, minor + 1, 0] };
    default:
      return { from, below: next };
  }
}
