import { fileURLToPath } from "node:url";
import { type Finished, type RunOptions, run } from "./process.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The command as it is developed, without a build before it. */
export const sourceCommand: readonly [string, ...string[]] = [process.execPath, path("../../src/bin.ts")];

/** The command as it is shipped; `npm run build` makes it, and the system tests use it. */
export const builtCommand: readonly [string, ...string[]] = [process.execPath, path("../../dist/bin.js")];

/** Runs `varve ARGS` from its sources to its end, whatever its exit code. */
export function varve(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return run([...sourceCommand, ...args], options);
}
