/** The body of a hashing thread: it takes chunks out of a ring until it is ended. */
import { workerData } from "node:worker_threads";
import { ChunkRing, type RingMemory } from "./chunk-ring.ts";

new ChunkRing(workerData as RingMemory).serve();
