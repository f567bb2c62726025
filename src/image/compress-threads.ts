/**
 * Threads that compress blocks. They aren't Node's own pool, since there every block would make garbage in the main
 * thread, whose many objects the collector goes through each time; these threads have next to none.
 */
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { startThread } from "../util/index.ts";

/** More threads than this would be faster than layers can be read and sent. */
const MAX_THREADS = 6;

/**
 * A thread keeps nothing but its code, some 4 MiB; what it leaves are the compressors' results, megabytes each. With less
 * than this they are collected all the time, with more each thread takes some ten MiB more.
 */
const HEAP = 48;

/** A block to be compressed. */
export interface CompressRequest {
  readonly algorithm: "gzip" | "zstd";
  readonly level: number;
  /** Begins with the block's bytes; what comes out takes their place. */
  readonly memory: SharedArrayBuffer;
  /** How many bytes the block has. */
  readonly length: number;
  /** What came before, as far as it matters (gzip). */
  readonly history: Uint8Array | undefined;
  /** Whether nothing follows (gzip). */
  readonly last: boolean;
}

/** How many bytes came out, or the bytes themselves where the memory is too small for them. */
export type CompressAnswer = number | Uint8Array;

interface Job {
  readonly request: CompressRequest;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

const idle: Worker[] = [];
const running = new Map<Worker, Job>();
const waiting: Job[] = [];

/**
 * Compresses a block in a thread: a part of a raw deflate stream (RFC 1951) that ends at a whole byte, or a zstd frame
 * with a checksum (RFC 8878). The threads stay, but don't keep the process alive.
 * @returns the bytes that came out, mostly in the request's own memory
 */
export function compressBlock(request: CompressRequest): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  waiting.push({ request, resolve, reject });
  dispatch();
  return promise;
}

/** Gives waiting blocks to threads, starting as many as there may be. */
function dispatch(): void {
  const limit = Math.min(availableParallelism(), MAX_THREADS);
  while (waiting.length > 0 && (idle.length > 0 || running.size < limit)) {
    const worker = idle.pop() ?? start();
    const job = waiting.shift()!;
    running.set(worker, job);
    worker.ref();
    worker.postMessage(job.request);
  }
}

function start(): Worker {
  const worker = startThread(new URL("./compress-worker.ts", import.meta.url), { heap: HEAP });
  worker.on("message", (answer: CompressAnswer) => {
    const { request, resolve } = running.get(worker)!;
    running.delete(worker);
    worker.unref();
    idle.push(worker);
    dispatch();
    resolve(typeof answer === "number" ? new Uint8Array(request.memory, 0, answer) : answer);
  });
  worker.on("error", (error) => {
    running.get(worker)?.reject(error);
    running.delete(worker);
    // It is gone; what waits is another's.
    dispatch();
  });
  return worker;
}
