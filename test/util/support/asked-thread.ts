/** Bodies of threads for the tests of `Thread`: what one is told to do when it starts, and how it answers. */
import { workerData } from "node:worker_threads";
import { VarveError } from "#errors";
import { answerRequests } from "#util";

if (workerData === "never ready") process.exit(1);

/** Says to a thread that waits for it, when an answer has been sent. */
function sayWhenSent(memory: SharedArrayBuffer): void {
  setImmediate(() => {
    Atomics.store(new Int32Array(memory), 0, 1);
    Atomics.notify(new Int32Array(memory), 0);
  });
}

answerRequests((request: string) => {
  if (request === "end") process.exit(1);
  if (request === "fail") throw new VarveError("UNREADABLE", "it can't be read");
  if (request === "break") throw new TypeError("it broke");
  if (request === "wait") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (request === "say when sent") sayWhenSent(workerData as SharedArrayBuffer);
  return `${request} in a thread`;
});
