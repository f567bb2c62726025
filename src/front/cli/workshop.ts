import { tmpdir } from "node:os";
import type { Workshop } from "#draft";
import type { SpoolLimit } from "#util";
import { sayText } from "./output.ts";

/** Where the commands find programs, and put what takes more room than memory has; scripts' output goes to stderr. */
export function workshop({
  quiet = false,
  maxSpool,
  signal,
}: SpoolLimit & { quiet?: boolean; signal: AbortSignal }): Workshop {
  return {
    temporary: tmpdir(),
    path: process.env["PATH"] ?? "",
    maxSpool,
    signal,
    onOutput: quiet ? undefined : (line, script) => sayText(`${script} | ${line}`),
  };
}
