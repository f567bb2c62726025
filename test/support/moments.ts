/** Moments at which tests kill what they test, drawn from a seed so that a failure can be seen again. */
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { seededBytes } from "./drafts.ts";
import { temporaryFolder } from "./tmp.ts";

const PRELOAD = new URL("./kill-at.ts", import.meta.url).href;

/**
 * Draws a moment of each of `count` equal parts of `1..last`. The seed is said with the test's result; `VARVE_TEST_SEED`
 * in the environment takes its place.
 */
export function drawMoments(t: TestContext, { count, last }: { count: number; last: number }): number[] {
  const seed = Number(process.env["VARVE_TEST_SEED"] ?? randomInt(2 ** 32));
  t.diagnostic(`VARVE_TEST_SEED=${seed}`);
  const numbers = seededBytes(`${t.name} ${seed}`, 4 * count);
  return Array.from({ length: count }, (_, index) => {
    const fraction = numbers.readUInt32LE(4 * index) / 2 ** 32;
    return 1 + Math.floor((last * (index + fraction)) / count);
  });
}

/** The environment in which a program is killed at its operation on files with this number, as `kill-at.ts` says. */
export function killedAt(moment: number): Record<string, string> {
  return { NODE_OPTIONS: `--import=${PRELOAD}`, KILL_AT: String(moment) };
}

/** How many operations on files a program makes, from first to last. */
export async function countOperations(
  t: TestContext,
  run: (env: Record<string, string>) => Promise<unknown>,
): Promise<number> {
  const file = join(await temporaryFolder(t), "count");
  await run({ NODE_OPTIONS: `--import=${PRELOAD}`, COUNT_TO: file });
  return Number(readFileSync(file, "utf8"));
}
