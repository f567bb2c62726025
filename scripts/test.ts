/**
 * Runs one of the parts of the tests: `unit` is the fast one (everything below `test/` that needs nothing
 * but Node and Python), `system` is `test/system/`, which talks to real Nix, Docker and registries and tests `dist/`,
 * and `peers` is `test/peers/`, which needs what `scripts/peers` installs. Options after it go to `node --test`.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, globSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.ts";

const [part, ...options] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const partOf = (file: string) => /^test\/(system|peers)\//.exec(file)?.[1] ?? "unit";
const files = globSync("test/**/*.test.ts", { cwd: root })
  .filter((file) => partOf(file) === part)
  .sort();
// One file more side by side than there are processors, since each waits for a while for what it has started, or for a disk;
// of those that start daemons four at most, for the memory they take. The bound is far beyond what a test needs; it is
// there so that one which hangs ends, and its servers with it.
const lanes = availableParallelism() + 1;
const usual =
  part !== "unit"
    ? [`--test-concurrency=${Math.min(lanes, 4)}`, "--test-timeout=900000"]
    : [`--test-concurrency=${lanes}`];
// Each test that needs a Nix store mounts one at /nix for its own processes; a test that made and removed the folder itself
// would take it from the one beside it.
const mountPoint = part === "system" && makeFolder("/nix");
// What the user's own varve knows is no test's to use or to change. What Node.js has compiled for one file is there for the next.
const cache = mkdtempSync(join(tmpdir(), "varve-test-cache-"));
const compiled = mkdtempSync(join(tmpdir(), "varve-test-compiled-"));
// Unit tests start the command and these programs many hundred times, which takes a third of the time when the sources are few files.
// They have to be where they find the package and its dependencies, and other users must be able to read them.
const PROGRAMS = [
  "test/layers/sandbox/runner",
  "test/layers/cache/support/user",
  "test/support/layout-writer",
];
const bundled = part === "unit" ? mkdtempSync(join(root, "dist-")) : undefined;
// Ctrl+C ends the tests, too, and what is here is tidied up after them.
process.on("SIGINT", () => {});
try {
  if (bundled !== undefined) {
    chmodSync(bundled, 0o755);
    await bundle(bundled, PROGRAMS);
  }
  const run = spawnSync(process.execPath, ["--test", ...usual, ...options, ...files], {
    cwd: root,
    env: {
      ...process.env,
      VARVE_CACHE_DIR: cache,
      NODE_COMPILE_CACHE: compiled,
      ...(bundled !== undefined && { VARVE_TEST_PROGRAMS: bundled }),
    },
    stdio: "inherit",
  });
  process.exitCode = run.status ?? 1;
} finally {
  for (const folder of [cache, compiled, ...(bundled === undefined ? [] : [bundled])])
    rmSync(folder, { recursive: true, force: true });
  if (mountPoint) rmdirSync("/nix");
}

/** Whether the folder was made; without the right to, its tests are skipped anyway. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch {
    return false;
  }
}
