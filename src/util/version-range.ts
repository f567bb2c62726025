/** Ranges of versions as npm has them, as far as `engines.node` uses them. What isn't understood allows everything. */

type Version = readonly [major: number, minor: number, patch: number];

/** From a version to below another. */
interface Span {
  readonly from: Version;
  readonly below: Version;
}

const END = Number.POSITIVE_INFINITY;
const ALL: Span = { from: [0, 0, 0], below: [END, 0, 0] };

const COMPARATOR = /^([<>=~^]*)v?(\d+|[xX*])?(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+].*)?$/;
const OPERATORS: ReadonlySet<string | undefined> = new Set([">=", "<=", ">", "<", "=", "^", "~", "~>", ""]);

/** Whether a range is understood. */
export function validRange(range: string): boolean {
  return range.split("||").every((part) => {
    return comparatorsOf(part).every((comparator) => OPERATORS.has(COMPARATOR.exec(comparator)?.[1]));
  });
}

/** Whether a version, without a label behind it, is in a range. */
export function satisfies(version: string, range: string): boolean {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)$/.exec(version)?.slice(1).map(Number);
  if (parts === undefined) return true;
  return spansOf(range).some(({ from, below }) => compare(parts, from) >= 0 && compare(parts, below) < 0);
}

/** Whether a range has any version with this first number. */
export function hasMajor(range: string, major: number): boolean {
  const all: Span = { from: [major, 0, 0], below: [major + 1, 0, 0] };
  return spansOf(range)
    .map((span) => common(span, all))
    .some(({ from, below }) => compare(from, below) < 0);
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!;
}

/** What is in both. */
function common(a: Span, b: Span): Span {
  return {
    from: compare(a.from, b.from) > 0 ? a.from : b.from,
    below: compare(a.below, b.below) < 0 ? a.below : b.below,
  };
}

function spansOf(range: string): Span[] {
  return range.split("||").map((part) => comparatorsOf(part).map(spanOf).reduce(common, ALL));
}

/** Versions with operators before them, all of which hold. */
function comparatorsOf(part: string): string[] {
  const text = part.trim();
  const [, low, high] = /^(\S+)\s+-\s+(\S+)$/.exec(text) ?? [];
  return low === undefined ? text.replace(/([<>=~^]+)\s+/g, "$1").split(/\s+/) : [`>=${low}`, `<=${high}`];
}

function spanOf(comparator: string): Span {
  const [, operator, ...digits] = COMPARATOR.exec(comparator) ?? [];
  const [major, minor, patch] = digits.map((part) =>
    part === undefined || /\D/.test(part) ? undefined : Number(part),
  );
  if (major === undefined) return ALL;
  const from: Version = [major, minor ?? 0, patch ?? 0];
  const next: Version =
    minor === undefined
      ? [major + 1, 0, 0]
      : patch === undefined
        ? [major, minor + 1, 0]
        : [major, minor, patch + 1];
  switch (operator) {
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
