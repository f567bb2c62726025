/** A thread that sends layers into a ring as a measuring thread does, and answers with what comes of each. */
import { parentPort, workerData } from "node:worker_threads";
import { ChunkRing, type RingMemory } from "../../../../src/layers/measure/chunk-ring.ts";
import { seededBytes } from "../../../support/drafts.ts";

/** A layer by the sizes of its chunks, whose bytes follow from `seed` and their numbers. */
export interface WantedLayer {
  readonly seed: string;
  readonly chunks: readonly number[];
  /** Whether it is given up behind its last chunk. */
  readonly givenUp: boolean;
  /** Whether chunks are in memory of their own in place of the ring's. */
  readonly own: boolean;
}

/** The bytes of a chunk. */
export function chunkOf({ seed, chunks }: WantedLayer, index: number): Buffer {
  return seededBytes(`${seed} ${index}`, chunks[index]!);
}

/** Sends a layer; returns its SHA-256 in hexadecimal, or nothing for one that was given up. */
function send(ring: ChunkRing, layer: WantedLayer): string | undefined {
  const buffers = ring.buffers();
  for (const index of layer.chunks.keys()) {
    const bytes = chunkOf(layer, index);
    const buffer = buffers[index % buffers.length]!;
    if (!layer.own) buffer.set(bytes);
    ring.put(layer.own ? bytes : buffer.subarray(0, bytes.length));
  }
  if (!layer.givenUp) return ring.complete();
  ring.giveUp();
  return undefined;
}

// The test itself takes `chunkOf` from here.
if (parentPort !== null && workerData !== null) {
  const ring = new ChunkRing(workerData as RingMemory);
  parentPort.on("message", (layers: readonly WantedLayer[]) => {
    parentPort!.postMessage(layers.map((layer) => send(ring, layer)));
  });
}
