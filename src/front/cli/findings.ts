/** What is wrong with an image, as lines for people. */
import type { CheckedImage } from "#app";
import { counted } from "#report";
import { shown } from "#util";

type Findings = Pick<CheckedImage, "findings" | "ignored" | "unused">;
type Finding = Findings["findings"][number];

export interface FindingLinesOptions {
  /** How many findings of one code are shown. */
  readonly most: number;
  /** Whether what the base has by itself is shown, too. */
  readonly withBase: boolean;
}

export function findingLines(
  { findings, ignored, unused }: Findings,
  { most, withBase }: FindingLinesOptions,
): string[] {
  const own = findings.filter(({ isBase }) => !isBase);
  const ofBase = findings.filter(({ isBase }) => isBase);
  const lines = groups(own, most);
  if (ofBase.length > 0 && withBase) {
    lines.push(`The base image by itself has ${counted(ofBase.length, "finding")}:`);
    lines.push(...groups(ofBase, most));
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
function groups(findings: readonly Finding[], most: number): string[] {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  for (const finding of findings) {
    const name = `${finding.severity} ${finding.code}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    if (count <= most) lines.push(lineOf(finding));
  }
  for (const [name, count] of counts) {
    if (count > most) lines.push(`… and ${count - most} more of ${name}; varve check --json shows all`);
  }
  return lines;
}

function lineOf({ code, severity, path, message }: Finding): string {
  return shown(`${severity === "error" ? "Error" : "Warning"}: ${path}: ${message} (${code})`);
}
