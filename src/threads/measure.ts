/** The body of a thread that packs layers and hashes them, or has them hashed. */
import { workerData } from "node:worker_threads";
import type { MeasureThreadData } from "#measure";
import { answerRequests } from "#util";
import { measurer, movedOf } from "../layers/measure/measurer.ts";

answerRequests(measurer(workerData as MeasureThreadData), movedOf);
