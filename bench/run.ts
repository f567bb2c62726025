/**
 * Measures whole processes: from the start of a command to its end, with everything it starts.
 *
 * GNU time starts each command and reports its processor time and its memory as the kernel counted them; it is
 * small itself, and so adds nothing to the peak, as a Node that started the command would. The clock runs
 * outside, since GNU time's own has steps of 10 ms.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A command and its arguments; nothing is read by a shell. */
export type Command = readonly [string, ...string[]];

/** What one run took. */
export interface Sample {
  /** From start to end, in seconds. */
  wall: number;
  /** User and system time of the command and all that it started, in seconds. */
  cpu: number;
  /** The largest resident set that one of its processes had, in bytes. Threads of a process share it. */
  peak: number;
}

/** The runs of two commands, each of `ours` with the one of `theirs` right after it. */
export interface Pair {
  ours: readonly Sample[];
  theirs: readonly Sample[];
}

/** Where a command's output goes: nowhere, or through a pipe to a reader that drops it, as `docker load` would read. */
export type Sink = "none" | "pipe";

/** How a command is run: where its output goes. */
export interface RunOptions {
  sink: Sink;
}

const GNU_TIME = "/usr/bin/time";

/** Runs a command once. Throws with its last words when it fails. */
export function measure(command: Command, { sink }: RunOptions): Sample {
  const folder = mkdtempSync(join(tmpdir(), "varve-bench-"));
  try {
    const report = join(folder, "time");
    const timed = [GNU_TIME, "-q", "-o", report, "-f", "%U %S %M %x", ...command] as const;
    // A shell connects the pipe, so that no process of ours stands between writer and reader.
    const piped = ["sh", "-c", '"$@" | cat > /dev/null', "sh", ...timed] as const;
    const [file, ...args] = sink === "pipe" ? piped : timed;
    const start = process.hrtime.bigint();
    const ran = spawnSync(file!, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 1 << 28 });
    const wall = Number(process.hrtime.bigint() - start) / 1e9;
    if (ran.error !== undefined) throw ran.error;
    const [user, system, kilobytes, status] = readFileSync(report, "utf8")
      .trim()
      .split(/\s+/)
      .slice(-4)
      .map(Number);
    if (status !== 0) {
      throw new Error(`${command.join(" ").slice(0, 300)} failed: ${ran.stderr.toString().slice(-1000)}`);
    }
    return { wall, cpu: user! + system!, peak: kilobytes! * 1024 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** How two commands are compared. */
export interface PairOptions extends RunOptions {
  ours: Command;
  theirs: Command;
  /** How many times each is run, after a first time that isn't counted and warms the page cache. */
  runs: number;
}

/** Runs two commands alternately, so that what disturbs the machine meets both. */
export function measurePair({ ours, theirs, runs, sink }: PairOptions): Pair {
  const pair: { ours: Sample[]; theirs: Sample[] } = { ours: [], theirs: [] };
  measure(ours, { sink });
  measure(theirs, { sink });
  for (let i = 0; i < runs; i++) {
    pair.ours.push(measure(ours, { sink }));
    pair.theirs.push(measure(theirs, { sink }));
  }
  return pair;
}

/** The middle and the ends of some figures. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Median, smallest and largest of one or more figures. */
export function spread(figures: readonly number[]): Spread {
  if (figures.length === 0) throw new Error("no figures to take a median of");
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/** The ratio of each run to the one beside it: `over` above `under`. */
export function ratios(over: readonly Sample[], under: readonly Sample[]): Spread {
  return spread(over.map(({ wall }, i) => wall / under[i]!.wall));
}

/** SHA-256 of what a command writes, and how many bytes that is; its messages are dropped. */
export function outputDigest(command: Command): string {
  const ran = spawnSync(
    "sh",
    ["-c", '{ "$@" 2> /dev/null || echo "exit $?"; } | openssl sha256 -r', "sh", ...command],
    {
      encoding: "utf8",
    },
  );
  return ran.stdout.split(" ")[0] ?? "";
}

/** A short name for some bytes, to tell one machine or program from another in a report. */
export const shortDigest = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 12);
