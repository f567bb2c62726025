/**
 * What every thread of varve runs: one file, so that there is one to find. Of the jobs only the thread's own is loaded, since
 * each thread has its code for itself.
 */
import { workerData } from "node:worker_threads";
import type { MeasureThreadData, RingMemory } from "#measure";
import { answerRequests, type ThreadData } from "#util";

const { job, data } = workerData as ThreadData;

if (job === "measure") {
  const { measurer, movedOf } = await import("./layers/measure/measurer.ts");
  answerRequests(measurer(data as MeasureThreadData), movedOf);
} else if (job === "compress") {
  const { compressInPlace } = await import("./images/compress/block.ts");
  answerRequests(compressInPlace);
} else {
  // It takes chunks out of a ring until it is ended.
  const { ChunkRing } = await import("./layers/measure/chunk-ring.ts");
  new ChunkRing(data as RingMemory).serve();
}
