/** What is wrong with an image, as lines for people. */
import type { CheckedImage } from "#app";
import { shown } from "#util";

/** How many findings of one code are shown; --json has all. */
const MOST = 20;

type Findings = Pick<CheckedImage, "findings" | "ignored" | "unused">;
type Finding = Findings["findings"][number];

/** @param withBase whether what the base has by itself is shown, too, and not only counted */
export function findingLines(
  { findings, ignored, unused }: Findings,
  { withBase }: { withBase: boolean },
): string[] {
  const own = findings.filter(({ isBase }) => !isBase);
  const ofBase = findings.filter(({ isBase }) => isBase);
  const lines = groups(own);
  if (ofBase.length > 0) {
    const count = `${ofBase.length} ${ofBase.length === 1 ? "finding" : "findings"}`;
    lines.push(`The base image by itself has ${count}${withBase ? ":" : "; varve check shows them"}`);
    if (withBase) lines.push(...groups(ofBase));
  }
  if (ignored.length > 0) lines.push(`${ignored.length} ignored, as check.ignore says`);
  for (const { code, path } of unused) {
    lines.push(
      `check.ignore has ${code}${path === undefined ? "" : ` for ${shown(path)}`}, which finds nothing`,
    );
  }
  return lines;
}

/** The first of each code. */
function groups(findings: readonly Finding[]): string[] {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  for (const finding of findings) {
    const name = `${finding.severity} ${finding.code}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    if (count <= MOST) lines.push(lineOf(finding));
  }
  for (const [name, count] of counts) {
    if (count > MOST) lines.push(`… and ${count - MOST} more of ${name}; varve check --json shows all`);
  }
  return lines;
}

function lineOf({ code, severity, path, message }: Finding): string {
  return shown(`${severity === "error" ? "Error" : "Warning"}: ${path}: ${message} (${code})`);
}
