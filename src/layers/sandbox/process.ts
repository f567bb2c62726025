/** Starts the sandbox's program for one phase of the work, and waits for it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { cancelled, VarveError } from "#errors";
import { type Phase, variablesOf } from "./phase.ts";
import { KEEPER, SETUP } from "./setup.ts";
import type { Programs } from "./stores.ts";
import type { SandboxKind } from "./types.ts";

/** What is the same in all phases. */
export interface SandboxPlace {
  readonly kind: SandboxKind;
  /** The work folder's real path. */
  readonly folder: string;
  readonly programs: Programs;
  readonly signal?: AbortSignal | undefined;
}

/** What a phase reads and writes, and how long it may take. */
export interface PhaseStreams {
  /** Bytes for stdin. */
  readonly input?: AsyncIterable<Uint8Array> | undefined;
  /** Reads stdout to its end; without it stdout is ignored. */
  readonly output?: (bytes: Readable) => Promise<void>;
  readonly onStderr?: (line: string) => void;
  readonly timeoutSeconds?: number | undefined;
}

/** How a phase ended. */
export interface PhaseEnd {
  /** The exit code, or 128 plus the number of the signal that ended it. */
  readonly status: number;
  /** Whether the script itself was started. */
  readonly started: boolean;
  /** The line of the script that failed, if its shell reported it. */
  readonly line: number | undefined;
  readonly timedOut: boolean;
  /** What the sandbox's own programs said. */
  readonly messages: readonly string[];
}

/** A longer line is passed on in pieces. */
const LONGEST_LINE = 64 * 1024;

function namespaces(kind: SandboxKind, network: boolean): string[] {
  const users = {
    root: [],
    ids: ["--user", "--map-root-user", "--map-auto"],
    single: ["--user", "--map-root-user"],
  };
  const others = [
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--ipc",
    "--uts",
    ...(network ? [] : ["--net"]),
  ];
  return [...users[kind], ...others];
}

/**
 * Runs one phase. When it has returned or thrown, no process of it is left.
 * @throws VarveError `SANDBOX_UNAVAILABLE` if `unshare` can't be started, `ABORTED`; whatever input and output throw
 */
export async function runPhase(
  place: SandboxPlace,
  phase: Phase,
  streams: PhaseStreams = {},
): Promise<PhaseEnd> {
  const { signal } = place;
  throwIfAborted(signal);
  const child = start(place, phase);
  // Not "close": that would also wait for the lifeline's stream, which nobody reads.
  const ended = once(child, "exit");
  // A failed start is reported at the end.
  ended.catch(() => {});
  let timedOut = false;
  const kill = () => stop(child);
  const timer =
    streams.timeoutSeconds === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          kill();
        }, streams.timeoutSeconds * 1000);
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const messages = new Messages();
    (child.stdio[4] as Writable).on("error", () => {});
    const work = [
      feed(child.stdin!, streams.input),
      streams.output === undefined ? eachLine(child.stdout!, () => {}) : streams.output(child.stdout!),
      eachLine(child.stderr!, streams.onStderr ?? ((line) => messages.take(line))),
      eachLine(child.stdio[3] as Readable, (line) => messages.take(line)),
    ];
    // The first that fails ends the others.
    const outcome = await Promise.all(work).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (outcome !== undefined) kill();
    await Promise.allSettled(work);
    const [code, by] = (await ended.catch((error: unknown) => {
      throw new VarveError(
        "SANDBOX_UNAVAILABLE",
        "cannot run scripts: unshare (util-linux) could not be started",
        {
          cause: error,
        },
      );
    })) as [number | null, NodeJS.Signals | null];
    throwIfAborted(signal);
    if (outcome !== undefined && !timedOut) throw outcome.error;
    return { ...messages.said, status: code ?? (by === "SIGKILL" ? 137 : 128), timedOut };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    kill();
    for (const stream of child.stdio) stream?.destroy();
  }
}

function start({ kind, folder, programs }: SandboxPlace, phase: Phase): ChildProcess {
  const { path, stores } = programs;
  const script = phase.name === "script" ? phase : undefined;
  const variables = Object.entries({
    WORK: folder,
    STORES: stores.join(" "),
    OVERLAY: kind === "root" ? "" : "userxattr,",
    ...variablesOf(phase),
  }).map(([name, value]) => [`V_${name}`, value]);
  const keeper = ["sh", "-c", KEEPER, "varve"];
  const program = ["sh", "-c", SETUP, "varve", ...(script?.environment ?? [])];
  return spawn("unshare", [...namespaces(kind, script?.network === true), ...keeper, ...program], {
    cwd: "/",
    // A session of its own, so that a script has no access to the terminal in which varve was started.
    detached: true,
    env: { ...Object.fromEntries(variables), PATH: path, LC_ALL: "C", TZ: "UTC0" },
    stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
  });
}

/** When `unshare` is killed, the first process of the namespace ends with it, and all others end with that one. */
function stop(child: ChildProcess): void {
  (child.stdio[4] as Writable | undefined)?.destroy();
  child.kill("SIGKILL");
}

/** What came through the channel for messages. */
class Messages {
  readonly #messages: string[] = [];
  #started = false;
  #line: number | undefined;

  take(line: string): void {
    if (line === "varve:started") this.#started = true;
    else if (/^varve:line \d+$/.test(line)) this.#line = Number(line.slice("varve:line ".length));
    else if (this.#messages.length < 100 && line !== "") this.#messages.push(line);
  }

  get said(): Pick<PhaseEnd, "messages" | "started" | "line"> {
    return { messages: this.#messages, started: this.#started, line: this.#line };
  }
}

async function feed(to: Writable, input: AsyncIterable<Uint8Array> | undefined): Promise<void> {
  // If a program ends before it has read everything, its exit status shows the reason.
  to.on("error", () => {});
  const gone = new Promise<void>((resolve) => to.once("close", resolve));
  for await (const chunk of input ?? []) {
    if (to.destroyed) return;
    // The chunk's memory may be used again once the second next is asked for, and a stream may keep it for longer.
    if (to.write(Buffer.from(chunk)) || to.destroyed) continue;
    await Promise.race([gone, new Promise<void>((resolve) => to.once("drain", resolve))]);
  }
  to.end();
}

/** Calls `take` for each line, and for the rest after the last one. */
export async function eachLine(from: Readable, take: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of from) {
    rest += decoder.write(chunk as Buffer);
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
    if (rest.length > LONGEST_LINE) {
      take(rest);
      rest = "";
    }
  }
  rest += decoder.end();
  if (rest !== "") take(rest);
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled("running the layer's scripts", signal.reason);
}
