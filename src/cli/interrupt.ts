/**
 * A signal that SIGINT and SIGTERM abort, so that what is half-written is removed. A second one ends the process
 * at once, as if nobody had listened.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => controller.abort());
  return controller.signal;
}
