/** Bodies of threads for the tests of `Thread`: what one is told to do when it starts, and how it answers. */
import { workerData } from "node:worker_threads";
import { VarveError } from "#errors";
import { answerRequests } from "#util";

if (workerData === "never ready") process.exit(1);

answerRequests((request: string) => {
  if (request === "end") process.exit(1);
  if (request === "fail") throw new VarveError("UNREADABLE", "it can't be read");
  if (request === "break") throw new TypeError("it broke");
  if (request === "wait") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return `${request} in a thread`;
});
