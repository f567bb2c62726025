/** Runs package managers, and the programs that fetch what packages lack. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cancelled } from "#errors";

/** How programs are found and run: what of this machine they need. */
export interface Programs {
  /** Finds a program as a shell does. */
  readonly find: (name: string) => Promise<string | undefined>;
  /** What programs are started with: the user's own settings of their registries are in it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

export interface RunOptions extends Programs {
  readonly cwd: string;
  /** Added to the environment; undefined takes a variable away. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

/** How a program ended. */
export interface Finished {
  /** Whether its exit code was 0. */
  readonly isDone: boolean;
  /** The end of what it wrote, to stdout and stderr. */
  readonly output: string;
}

/** How much of a program's output is kept. */
const KEPT_OUTPUT = 64 * 1024;

/** How long a program that is to end may take to clean up, in milliseconds. */
const GRACE = 5000;

/** What npm tells programs that it starts of itself; it isn't meant for another project's. */
const NOT_PASSED_ON = /^(?:npm_(?:package_|lifecycle_|command$|execpath$|config_local_prefix$)|INIT_CWD$)/i;

/**
 * Runs a program to its end, without input.
 * @throws VarveError `ABORTED`; the system's error where it can't be started
 */
export async function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  { cwd, environment, variables = {}, signal }: RunOptions,
): Promise<Finished> {
  const doing = `running ${program}`;
  if (signal?.aborted) throw cancelled(doing, signal.reason);
  const inherited = Object.entries(environment).filter(([name]) => !NOT_PASSED_ON.test(name));
  const child = spawn(program, args, {
    cwd,
    env: { ...Object.fromEntries(inherited), ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill("SIGTERM");
    timer = setTimeout(() => child.kill("SIGKILL"), GRACE);
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    if (signal?.aborted) throw cancelled(doing, signal.reason);
    return { isDone: code === 0, output };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** More of a program's words than this are too many for a sentence. */
const SHOWN_OUTPUT = 400;

/** What a program says is wrong, in one line without credentials. */
export function complaint(output: string): string {
  const lines = output
    .replace(/\x1b\[[0-9;]*m/g, "")
    .split("\n")
    .map((line) => line.trim());
  const said = lines.filter((line) => line !== "" && !/complete log of this run|\.log$/.test(line));
  const errors = said.filter((line) =>
    /\berr(?:or|!)?\b|ERR_|failed|➤ YN\d+: .*(?:can't|cannot|couldn't)/i.test(line),
  );
  const chosen = (errors.length > 0 ? errors : said.slice(-3)).map((line) =>
    line.replace(/^(?:npm (?:error|ERR!)|error:?)\s*/i, ""),
  );
  const text = chosen.filter((line) => line !== "").join("; ");
  return text.replace(/\/\/[^/\s:@]+:[^/\s@]+@/g, "//***@").slice(0, SHOWN_OUTPUT) || "it said nothing";
}
