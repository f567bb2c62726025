/**
 * Threads that compress blocks. Node's own pool isn't used, since there every block would make garbage in the main thread,
 * whose many objects the collector has to go through each time; these threads have almost no objects.
 */
import { availableParallelism } from "node:os";
import { Thread } from "#util";
import { type CompressAnswer, type CompressRequest, compressInPlace } from "./block.ts";

/** With more threads compressing would be faster than layers can be read and sent. */
const MAX_THREADS = 6;

/**
 * A thread keeps only its code, about 4 MiB; its garbage is the compressors' results, megabytes each. With a lower limit
 * garbage is collected all the time, and with a higher one each thread takes about ten MiB more.
 */
const HEAP = 48;

/** How many bytes are compressed before the first thread is started: that takes longer, and after a small change there is no more. */
const BEFORE_THREADS = 512 * 1024;

interface Job {
  readonly request: CompressRequest;
  readonly resolve: (block: CompressedBlock) => void;
  readonly reject: (error: unknown) => void;
}

/** A block's bytes, mostly in the request's own memory, and how many of them each frame has. */
export interface CompressedBlock {
  readonly bytes: Uint8Array;
  readonly frames: readonly number[];
}

type CompressThread = Thread<CompressRequest, CompressAnswer>;

let idle: CompressThread[] = [];
let running = 0;
/** How many bytes may still be compressed without a thread while there is none. */
let here = BEFORE_THREADS;
const waiting: Job[] = [];

/**
 * Compresses a block in a thread: a part of a raw deflate stream (RFC 1951) that ends at a whole byte, or zstd frames
 * with checksums (RFC 8878). The threads stay, but don't keep the process alive.
 */
export function compressBlock(request: CompressRequest): Promise<CompressedBlock> {
  if (running + idle.length === 0 && request.length <= here) {
    here -= request.length;
    return compressHere(request);
  }
  const { promise, resolve, reject } = Promise.withResolvers<CompressedBlock>();
  waiting.push({ request, resolve, reject });
  dispatch();
  return promise;
}

async function compressHere(request: CompressRequest): Promise<CompressedBlock> {
  return blockOf(request, await compressInPlace(request));
}

/** How many threads there are at most. */
export function compressThreads(): number {
  return Math.min(availableParallelism(), MAX_THREADS);
}

/** Gives waiting blocks to threads, starting as many as there may be. */
function dispatch(): void {
  const limit = compressThreads();
  idle = idle.filter(({ ended }) => !ended);
  while (waiting.length > 0 && running < limit) {
    const job = waiting.shift()!;
    running++;
    void work(idle.pop() ?? start(), job);
  }
}

async function work(thread: CompressThread, { request, resolve, reject }: Job): Promise<void> {
  try {
    resolve(blockOf(request, await thread.ask(request)));
  } catch (error) {
    reject(error);
  } finally {
    running--;
    // A thread that has ended is skipped; another one takes the waiting block.
    idle.push(thread);
    dispatch();
  }
}

function blockOf({ memory }: CompressRequest, { bytes, frames }: CompressAnswer): CompressedBlock {
  if (bytes !== undefined) return { bytes, frames };
  const length = frames.reduce((sum, frame) => sum + frame, 0);
  return { bytes: new Uint8Array(memory, 0, length), frames };
}

function start(): CompressThread {
  return new Thread({
    job: "compress",
    heap: HEAP,
    here: () => compressInPlace,
  });
}
