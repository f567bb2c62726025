/** What is said of an image while it is built. */
import { type BuildOptions, ownErrors, type SourceListener } from "#app";
import { findingLines } from "./findings.ts";
import { say } from "./output.ts";

/** A single error is said when the build fails for it. */
export const tellFindings: BuildOptions["onFindings"] = ({ findings, ...others }) => {
  const errors = ownErrors(findings);
  const told = errors.length === 1 ? findings.filter((finding) => finding !== errors[0]) : findings;
  for (const line of findingLines({ findings: told, ...others }, { most: 3, withBase: false })) say(line);
};

export const tellLeftOut: SourceListener["onLeftOut"] = (list) => {
  for (const { path, reason, pattern } of list) {
    say(`  ${path} (${reason}${pattern === undefined ? "" : `: ${pattern}`})`);
  }
};
