const controller = new AbortController();

/**
 * A signal that SIGINT and SIGTERM abort, so that what is half-written is removed. A second one ends the process
 * at once, as if nobody had listened.
 */
export function interruptSignal(): AbortSignal {
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

/** Ends the command's work as a signal would. */
export function cancelWork(reason: unknown): void {
  controller.abort(reason);
}
