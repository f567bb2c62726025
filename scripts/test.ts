/**
 * Runs one of the two halves of the tests: `unit` is the fast part (everything below `test/` that needs nothing
 * but Node and Python), `system` is `test/system/`, which talks to real Nix, Docker and registries and tests `dist/`.
 * Options after it go to `node --test`.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [half, ...options] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const system = (file: string) => file.startsWith("test/system/");
const files = globSync("test/**/*.test.ts", { cwd: root })
  .filter((file) => (half === "system" ? system(file) : !system(file)))
  .sort();
// Tests that start daemons share ports, mounts and memory with nobody but themselves: one file at a time. The bound
// is far beyond what a test needs; it is there so that one which hangs ends, and its servers with it.
// Of the others as many run side by side as there are processors, where Node.js by itself leaves one idle.
const usual =
  half === "system"
    ? ["--test-concurrency=1", "--test-timeout=600000"]
    : [`--test-concurrency=${availableParallelism()}`];
// What the user's own varve knows is no test's to use or to change.
const cache = mkdtempSync(join(tmpdir(), "varve-test-cache-"));
try {
  const run = spawnSync(process.execPath, ["--test", ...usual, ...options, ...files], {
    cwd: root,
    env: { ...process.env, VARVE_CACHE_DIR: cache },
    stdio: "inherit",
  });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(cache, { recursive: true, force: true });
}
