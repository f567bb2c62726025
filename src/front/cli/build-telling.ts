/** What is said of an image while it is built. */
import { type BuildOptions, ownErrors, type SourceListener } from "#app";
import { findingLines } from "./findings.ts";
import { say } from "./output.ts";

type Found = Parameters<NonNullable<BuildOptions["onFindings"]>>[0];

/** Says what is wrong with the images of a build, and knows then whether they can run. */
export class FindingsTelling {
  /** Whether nothing in an image can run, as it has no base: such as a project's on `scratch`. */
  needsBase = false;

  /** A single error is said when the build fails for it. */
  readonly tell = ({ findings, ...others }: Found): void => {
    const errors = ownErrors(findings);
    const told = errors.length === 1 ? findings.filter((finding) => finding !== errors[0]) : findings;
    for (const line of findingLines({ findings: told, ...others }, { most: 3, withBase: false })) say(line);
    this.needsBase ||= findings.some(
      ({ code, severity }) => code === "command-not-found" && severity === "warning",
    );
  };
}

export const tellLeftOut: SourceListener["onLeftOut"] = (list) => {
  for (const { path, reason, pattern } of list) {
    say(`  ${path} (${reason}${pattern === undefined ? "" : `: ${pattern}`})`);
  }
};
