/** The body of a thread that takes chunks out of a ring and hashes them, until it is ended. */
import { workerData } from "node:worker_threads";
import type { RingMemory } from "#measure";
import { ChunkRing } from "../layers/measure/chunk-ring.ts";

new ChunkRing(workerData as RingMemory).serve();
