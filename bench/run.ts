/**
 * Measures whole processes: from the start of a command to its end, with everything it starts.
 *
 * GNU time starts each command and reports its processor time and its memory as the kernel counted them; it is
 * small itself, and so adds nothing to the peak, as a Node that started the command would. The clock runs
 * outside, since GNU time's own has steps of 10 ms.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

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
  /** What others took of the machine meanwhile, as a share of all its cores: 0 to 1. */
  others: number;
}

/** The runs of two commands, each of `ours` with the one of `theirs` right after it. */
export interface Pair {
  ours: readonly Sample[];
  theirs: readonly Sample[];
}

/** Where a command's output goes: nowhere, or through a pipe to a reader that drops it, as `docker load` would read. */
export type Sink = "none" | "pipe";

/** How a command is run. */
export interface RunOptions {
  /** Where its output goes. */
  sink: Sink;
  /**
   * Processes that serve the command and were there before: their processor time is neither its own nor others'. They may be
   * unknown, where a daemon starts what does the work; then others aren't told from them.
   */
  servants?: readonly number[] | "unknown" | undefined;
}

/** One run's command, and what was made ready for it. */
export interface Stage extends RunOptions, Partial<AsyncDisposable> {
  command: Command;
  /** Called when the command has succeeded, before the stage is disposed of. */
  after?(): Promise<void>;
}

/** What makes a run ready; that isn't measured. */
export type Setting = () => Promise<Stage>;

const GNU_TIME = "/usr/bin/time";

/** Runs a command once. Throws with its last words when it fails. */
export function measure(command: Command, { sink, servants = [] }: RunOptions): Sample {
  const folder = mkdtempSync(join(tmpdir(), "varve-bench-"));
  const served = servants === "unknown" ? [] : servants;
  try {
    const [report, reader] = [join(folder, "time"), join(folder, "reader")];
    const time = [GNU_TIME, "-q", "-f", "%U %S %M %x", "-o"] as const;
    const timed = [...time, report, ...command] as const;
    // A shell connects the pipe, so that no process of ours stands between writer and reader.
    const piped = [
      "sh",
      "-c",
      `"$@" | ${time.join(" ").replace(/%.*x/, '"$&"')} ${reader} cat > /dev/null`,
      "sh",
      ...timed,
    ];
    const [file, ...args] = sink === "pipe" ? piped : timed;
    const busy = busySeconds() - secondsOf(served);
    const start = process.hrtime.bigint();
    const ran = spawnSync(file!, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 1 << 28 });
    const wall = Number(process.hrtime.bigint() - start) / 1e9;
    if (ran.error !== undefined) throw ran.error;
    const own = readReport(report);
    if (own.status !== 0) {
      throw new Error(`${command.join(" ").slice(0, 300)} failed: ${ran.stderr.toString().slice(-1000)}`);
    }
    const known = own.cpu + (sink === "pipe" ? readReport(reader).cpu : 0);
    const all = busySeconds() - secondsOf(served) - busy;
    const others = servants === "unknown" ? 0 : Math.max(0, all - known) / (wall * cpus().length);
    return { wall, cpu: own.cpu, peak: own.peak, others };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readReport(path: string): { cpu: number; peak: number; status: number } {
  const figures = readFileSync(path, "utf8").trim().split(/\s+/).slice(-4).map(Number);
  const [user, system, kilobytes, status] = figures as [number, number, number, number];
  return { cpu: user + system, peak: kilobytes * 1024, status };
}

/** The seconds that all cores together were busy since the machine started, in the kernel's steps of 10 ms. */
function busySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}

/** The processor time of some processes so far, in seconds: fields 14 and 15 of proc(5)'s `stat`, in steps of 10 ms. */
function secondsOf(processes: readonly number[]): number {
  return processes.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before them may hold spaces, in brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

/**
 * Runs a command while this process goes on, such as with a server that the command talks to. Throws with its last words when
 * it fails.
 * @param starter a program and its arguments that start the command and end as it does
 */
export async function runBeside(command: Command, starter: readonly string[] = []): Promise<void> {
  const [file, ...args] = [...starter, ...command];
  const child = spawn(file!, args, { stdio: ["ignore", "ignore", "pipe"] });
  let messages = "";
  child.stderr.on("data", (data) => {
    messages = `${messages}${data}`.slice(-1000);
  });
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`${command.join(" ").slice(0, 300)} failed: ${messages}`);
}

/** How often runs are repeated. */
export interface TurnOptions {
  /** How many times each is run, after a first time that isn't counted and warms the page cache. */
  runs: number;
  /** Whether the first time counts, for what takes minutes. */
  once?: boolean;
  /** Runs that others disturbed are taken again, as far as there is patience. */
  quiet?: boolean;
}

/** How two commands are compared. */
export interface PairOptions extends TurnOptions, RunOptions {
  ours: Command;
  theirs: Command;
}

/** Others that take more of the machine than this disturb a run; below it, the kernel's steps are part of the figure. */
export const DISTURBED = 0.05;
/** How many runs in all may be thrown away for one that counts, and how long to wait before each. */
const PATIENCE = 20;
const PAUSE_MS = 3000;

/** Runs two commands alternately, so that what disturbs the machine meets both. */
export async function measurePair({ ours, theirs, sink, ...options }: PairOptions): Promise<Pair> {
  const setting = (command: Command) => async () => ({ command, sink });
  const [first, second] = await measureTurns([setting(ours), setting(theirs)], options);
  return { ours: first!, theirs: second! };
}

/** Runs several commands in turns, each made ready anew for each run; answers with each one's samples. */
export async function measureTurns(
  sides: readonly Setting[],
  { runs, once = false, quiet = false }: TurnOptions,
): Promise<Sample[][]> {
  const sample = async (side: Setting): Promise<Sample> => {
    let taken = await measureStage(side);
    for (let again = 0; quiet && taken.others > DISTURBED && again < PATIENCE; again++) {
      await sleep(PAUSE_MS);
      const next = await measureStage(side);
      if (next.others < taken.others) taken = next;
    }
    return taken;
  };
  if (!once) for (const side of sides) await measureStage(side);
  const samples = sides.map((): Sample[] => []);
  for (let i = 0; i < (once ? 1 : runs); i++) {
    for (const [index, side] of sides.entries()) samples[index]!.push(await sample(side));
  }
  return samples;
}

async function measureStage(setting: Setting): Promise<Sample> {
  const stage = await setting();
  try {
    const sample = measure(stage.command, stage);
    await stage.after?.();
    return sample;
  } finally {
    await stage[Symbol.asyncDispose]?.();
  }
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
