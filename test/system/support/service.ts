import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A server that a test started: it is reached when ready, and ended by its process id. */
export interface Service {
  readonly pid: number;
  /** Everything it has logged so far. */
  log(): string;
  /** Asks it to end, and kills it when it has not ended after half a minute. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ServiceOptions {
  readonly command: readonly [string, ...string[]];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Asked again and again until it says yes; may throw as long as nobody answers. */
  readonly ready: (log: string) => boolean | Promise<boolean>;
}

const patienceSeconds = 180;
const pollMilliseconds = 25;

/** Starts a server and waits until it is ready; rejects with the end of its log when it isn't in time. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const log = openSync(options.logFile, "w");
  // A test process that is killed takes its servers with it.
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "--", ...options.command], {
    env: { ...process.env, ...options.env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  await once(child, "spawn");
  const service: Service = {
    pid: child.pid ?? 0,
    log: () => readFileSync(options.logFile, "utf8"),
    stop: (signal = "SIGTERM") => end(child, signal),
  };
  const deadline = Date.now() + patienceSeconds * 1000;
  while (Date.now() < deadline && !ended(child)) {
    if (await isReady(options.ready, service.log())) return service;
    await delay(pollMilliseconds);
  }
  await service.stop();
  const tail = service.log().split("\n").slice(-15).join("\n");
  throw new Error(`${options.command.join(" ")} did not become ready; its log ends with\n${tail}`);
}

async function isReady(ready: ServiceOptions["ready"], log: string): Promise<boolean> {
  try {
    return await ready(log);
  } catch {
    return false;
  }
}

function ended(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (ended(child)) return;
  const exit = once(child, "exit");
  child.kill(signal);
  const killer = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await exit;
  clearTimeout(killer);
}
