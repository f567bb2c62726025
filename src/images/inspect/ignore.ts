/** Findings that are meant to be there. */
import { VarveError } from "#errors";
import { FINDING_CODES, type Finding } from "./findings.ts";

/** Which findings, and why. */
export interface IgnoreRule {
  readonly code: string;
  /** A glob; all paths unless given. */
  readonly path?: string | undefined;
  readonly reason: string;
}

/** What is left of findings, and what isn't. */
export interface Sifted {
  readonly findings: readonly Finding[];
  readonly ignored: readonly (Finding & { readonly reason: string })[];
  /** Rules that no finding fits. */
  readonly unused: readonly IgnoreRule[];
}

/**
 * Takes out what rules name.
 * @throws VarveError `INVALID_SPEC` for a code that there isn't
 */
export async function sift(findings: readonly Finding[], rules: readonly IgnoreRule[]): Promise<Sifted> {
  checkCodes(rules);
  if (rules.length === 0) return { findings, ignored: [], unused: [] };
  const { default: picomatch } = await import("picomatch");
  const matchers = rules.map((rule) => {
    const glob = rule.path?.replace(/^(?:\.?\/+)+/, "");
    const matches =
      glob === undefined ? () => true : picomatch(glob, { dot: true, nonegate: true, posix: true });
    return {
      rule,
      fits: ({ code, path }: Finding) => code === rule.code && matches(path.replace(/^\/+/, "")),
    };
  });
  const used = new Set<IgnoreRule>();
  const left: Finding[] = [];
  const ignored: (Finding & { reason: string })[] = [];
  for (const finding of findings) {
    const fitting = matchers.filter(({ fits }) => fits(finding)).map(({ rule }) => rule);
    for (const rule of fitting) used.add(rule);
    if (fitting[0] === undefined) left.push(finding);
    else ignored.push({ ...finding, reason: fitting[0].reason });
  }
  return { findings: left, ignored, unused: rules.filter((rule) => !used.has(rule)) };
}

function checkCodes(rules: readonly IgnoreRule[]): void {
  const codes: readonly string[] = FINDING_CODES;
  const wrong = rules.find(({ code }) => !codes.includes(code));
  if (wrong === undefined) return;
  throw new VarveError(
    "INVALID_SPEC",
    `check.ignore has the code ${JSON.stringify(wrong.code)}, which no finding has; there are ${codes.join(", ")}`,
  );
}
