import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";

export interface RunOptions {
  readonly cwd?: string;
  /** Added to this process's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the program reads on stdin; nothing when left out. */
  readonly input?: string | Uint8Array;
  /** The file that takes stdout directly, without passing through this process. */
  readonly stdoutFile?: string;
  /** After so many seconds the program is killed and the run fails; 300 when left out: it is there so that what hangs ends. */
  readonly timeoutSeconds?: number;
}

export interface Finished {
  /** The exit code, or null where a signal ended the program. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Empty with `stdoutFile`. */
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code. Rejects when it cannot be started or takes too long. */
export async function run(
  command: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<Finished> {
  const [program, ...args] = command;
  const file = options.stdoutFile === undefined ? undefined : await open(options.stdoutFile, "w");
  try {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", file?.fd ?? "pipe", "pipe"],
    });
    // A program may end without having read its input: that shows in its exit code, not here.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    const seconds = options.timeoutSeconds ?? 300;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, seconds * 1000);
    try {
      const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
      const errors = Buffer.concat(stderr).toString();
      if (timedOut) throw new Error(`${program} did not end within ${seconds} s\n${errors}`);
      return { code, signal, stdout: Buffer.concat(stdout), stderr: errors };
    } finally {
      clearTimeout(timer);
    }
  } finally {
    await file?.close();
  }
}

/** Runs a program that has to succeed and returns its stdout as text; rejects with its stderr otherwise. */
export async function mustRun(
  command: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<string> {
  const { code, signal, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code ?? signal}\n${stderr}`);
  return stdout.toString();
}

function collect(stream: NodeJS.ReadableStream | null): Buffer[] {
  const chunks: Buffer[] = [];
  stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}
