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

/** Where `scripts/test.ts` has bundled the command and some programs of tests, once for all of them. */
const bundled = process.env["VARVE_TEST_PROGRAMS"];

/** The command as it is developed, without a build before it. */
export const sourceCommand: readonly [string, ...string[]] = [
  process.execPath,
  bundled === undefined ? path("../../src/bin.ts") : join(bundled, "bin.js"),
];

/** The file of a program of the tests that is made of the sources, by its path in `test/` without the ending. */
export function testProgram(name: string): string {
  return bundled === undefined ? path(`../${name}.ts`) : join(bundled, "test", `${name}.js`);
}

/** The command as it is shipped; `npm run build` makes it, and the system tests use it. */
export const builtCommand: readonly [string, ...string[]] = [process.execPath, path("../../dist/bin.js")];

/** Runs `varve ARGS` from its sources to its end, whatever its exit code. */
export function varve(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return run([...sourceCommand, ...args], options);
}

/** Runs `varve ARGS` as it is shipped to its end, whatever its exit code. */
export function builtVarve(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return run([...builtCommand, ...args], options);
}
