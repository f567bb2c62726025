/** The body of a thread that lists trees which are likely to be asked for, and ends. */
import { parentPort, workerData } from "node:worker_threads";
import { type AheadWork, listClaimed } from "../layers/fs/ahead.ts";

parentPort!.postMessage(listClaimed(workerData as AheadWork));
