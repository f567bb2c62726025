import { Worker } from "node:worker_threads";

export interface ThreadOptions {
  /** What the thread finds as its `workerData`. */
  readonly workerData?: unknown;
  /** The most memory for what it keeps, in MiB: with little, what it leaves is collected soon. As much as it wants, by default. */
  readonly heap?: number;
}

/**
 * Starts a thread.
 * @param body the module that the thread runs, as `new URL("./name.ts", import.meta.url)`
 */
export function startThread(body: URL, { workerData, heap }: ThreadOptions = {}): Worker {
  // The sources run as they are in development, and compiled elsewhere.
  const file = import.meta.url.endsWith(".ts") ? body : new URL(body.href.replace(/\.ts$/, ".js"));
  return new Worker(file, {
    // These threads make short-lived objects only: more room for them would be memory for nothing.
    resourceLimits: {
      maxYoungGenerationSizeMb: 4,
      ...(heap === undefined ? {} : { maxOldGenerationSizeMb: heap }),
    },
    // They print nothing; but a thread that could would make a pipe at our own stdout non-blocking.
    stdout: true,
    stderr: true,
    workerData,
  });
}
