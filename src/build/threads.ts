import { Worker } from "node:worker_threads";

/** Starts a thread whose body is a module of this room. */
export function startThread(name: string, workerData: unknown): Worker {
  // The sources run as they are in development, and compiled elsewhere.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new Worker(new URL(`./${name}.${extension}`, import.meta.url), {
    // These threads make short-lived objects only: more room for them would be memory for nothing.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
    // They print nothing; but a thread that could would make a pipe at our own stdout non-blocking.
    stdout: true,
    stderr: true,
    workerData,
  });
}
