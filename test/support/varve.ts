import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Finished, type RunOptions, run } from "./process.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

if (process.env["VARVE_CACHE_DIR"] === undefined) {
  // A test file that is run by itself; what the user's own varve knows is not its to use or to change.
  const cache = mkdtempSync(join(tmpdir(), "varve-test-cache-"));
  process.env["VARVE_CACHE_DIR"] = cache;
  process.once("exit", () => rmSync(cache, { recursive: true, force: true }));
}

/** The command as it is developed, without a build before it; `scripts/test.ts` bundles it once for all tests. */
export const sourceCommand: readonly [string, ...string[]] = [
  process.execPath,
  process.env["VARVE_TEST_COMMAND"] ?? path("../../src/bin.ts"),
];

/** The command as it is shipped; `npm run build` makes it, and the system tests use it. */
export const builtCommand: readonly [string, ...string[]] = [process.execPath, path("../../dist/bin.js")];

/** Runs `varve ARGS` from its sources to its end, whatever its exit code. */
export function varve(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return run([...sourceCommand, ...args], options);
}
