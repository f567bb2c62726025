import { tmpdir } from "node:os";
import type { Workshop } from "../build/index.ts";
import { say } from "./output.ts";

/** Where the commands find programs, and put what takes more room than memory has; scripts' output goes to stderr. */
export function workshop({ quiet = false, signal }: { quiet?: boolean; signal: AbortSignal }): Workshop {
  return {
    temporary: tmpdir(),
    path: process.env["PATH"] ?? "",
    signal,
    onOutput: quiet ? undefined : (line, script) => say(`${script} | ${line}`),
  };
}
