import assert from "node:assert/strict";
import type { Finished } from "./process.ts";

/** Checks that a command failed as users see it: a status, and one sentence at the end of stderr, without a stack. */
export function assertFailed(finished: Finished, wording: RegExp, status = 1): void {
  const { code, signal, stderr } = finished;
  assert.equal(code, status, `ended with ${code ?? signal}\n${stderr}`);
  const lines = stderr.split("\n");
  assert.equal(lines.pop(), "", "stderr ends with a line");
  assert.match(lines.at(-1) ?? "", /^Error: /);
  assert.equal(lines.filter((line) => /^Error: |^ +at |node:internal/.test(line)).length, 1, stderr);
  assert.match(lines.at(-1)!, wording);
}
