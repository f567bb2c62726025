/** Handles signals that ask varve to end: what is half-written is removed, and the exit status shows which signal it was. */
import { constants } from "node:os";
import { VarveError } from "#errors";

/** A terminal sends the first for Ctrl-C, and the last when it goes away. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How long a call that can't be cancelled may keep the process, in milliseconds, once all else is done. */
const GRACE = 500;

const controller = new AbortController();
let received: (typeof SIGNALS)[number] | undefined;
let listening = false;

/** Aborted when the user interrupts, once {@link interruptSignal} has been called. */
export const interrupted: AbortSignal = controller.signal;

/**
 * A signal that SIGINT, SIGTERM and SIGHUP abort, so that what is half-written is removed. A second one ends the process
 * at once, as if there were no handler.
 */
export function interruptSignal(): AbortSignal {
  if (!listening) for (const name of SIGNALS) process.on(name, interrupt);
  listening = true;
  return interrupted;
}

function interrupt(name: NodeJS.Signals): void {
  received = SIGNALS.find((signal) => signal === name);
  for (const signal of SIGNALS) process.off(signal, interrupt);
  controller.abort(new VarveError("ABORTED", "interrupted"));
}

/**
 * To be called when a command has failed.
 * @returns the exit status that shells have for the signal that came; undefined if there was none
 */
export function interruptedStatus(): number | undefined {
  if (received === undefined) return undefined;
  const name = received;
  // A thread that is still blocked, for example on a pipe that nobody reads, would keep the process running; this ends it, too.
  setTimeout(() => process.kill(process.pid, name), GRACE).unref();
  return 128 + constants.signals[name];
}

/** Ends the command's work as a signal would. */
export function cancelWork(reason: unknown): void {
  controller.abort(reason);
}
