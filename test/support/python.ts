/** CPython 3.11, the oracle for everything that must come out as Python writes it. */

import { spawnSync } from "node:child_process";

// Other versions differ in what they call printable, which dates they accept and how they write tar headers.
const VERSION = "3.11";

function find(): string | undefined {
  const candidates = [process.env["VARVE_TEST_PYTHON"], "python3.11", "/usr/bin/python3", "python3"];
  return candidates.find((candidate) => {
    if (candidate === undefined || candidate === "") return false;
    const print = "import sys; print('%d.%d' % sys.version_info[:2])";
    const run = spawnSync(candidate, ["-I", "-c", print], { encoding: "utf8" });
    return run.status === 0 && run.stdout.trim() === VERSION;
  });
}

/** The command that runs CPython 3.11, if there is one. */
export const python: string | undefined = find();

/** {@link python}, or the error that fails a test which may not be skipped. */
export function requirePython(): string {
  if (python === undefined) throw new Error(`these tests need Python ${VERSION}, and none was found`);
  return python;
}

/**
 * Runs a Python program on an `input` that it finds, decoded from JSON, in the variable `input`; returns what the
 * program leaves in `output`. One call takes many cases: starting Python is what costs time.
 */
export function askPython<T>(program: string, input: unknown): T {
  const frame = `import json, sys\ninput = json.load(sys.stdin)\n${program}\njson.dump(output, sys.stdout)\n`;
  const run = spawnSync(requirePython(), ["-I", "-c", frame], {
    input: JSON.stringify(input),
    encoding: "utf8",
    maxBuffer: 1 << 30,
    // A naive time is UTC for varve, and Python is made to think so too.
    env: { ...process.env, TZ: "UTC", PYTHONUTF8: "1" },
  });
  if (run.status !== 0) throw new Error(`Python failed: ${run.stderr || run.error}`);
  return JSON.parse(run.stdout) as T;
}
