/** The body of a measuring thread: recipes come in, their digests, sizes and listings go out. */
import { parentPort, workerData } from "node:worker_threads";
import { VarveError } from "../errors.ts";
import { type LayerRecipe, listRecipe, packLayer, roomForSmallFiles, type TreeListing } from "../fs/index.ts";
import { Fingerprint } from "../util/index.ts";
import { ChunkRing } from "./chunk-ring.ts";
import { InlineHasher, type LayerHasher } from "./layer-hasher.ts";
import type { MeasureAnswer, MeasureRequest, MeasureThreadData } from "./measure-pool.ts";

const { fingerprintKey, ring: ringMemory } = workerData as MeasureThreadData;
const hasher: LayerHasher = ringMemory === undefined ? new InlineHasher() : new ChunkRing(ringMemory);

/** What was listed, and may be asked to be measured. */
let listed: { recipe: LayerRecipe; listings: readonly TreeListing[] } | undefined;

function measure(recipe: LayerRecipe, listings: readonly TreeListing[], keepLimit: number) {
  const fingerprint = new Fingerprint(fingerprintKey);
  const keep = roomForSmallFiles(listings, keepLimit);
  let size = 0;
  try {
    for (const chunk of packLayer(recipe, { listings, buffers: hasher.buffers(), keep })) {
      fingerprint.update(chunk);
      size += chunk.length;
      hasher.put(chunk);
    }
  } catch (error) {
    hasher.giveUp();
    throw error;
  }
  const sha256 = hasher.complete();
  return { type: "measured", sha256, fingerprint: fingerprint.finish(), size, kept: keep } as const;
}

function answerTo(request: MeasureRequest): MeasureAnswer {
  if (request.type === "measure-listed") {
    const { recipe, listings } = listed!;
    listed = undefined;
    return measure(recipe, listings, request.keepLimit);
  }
  const { recipe } = request;
  const listings = listRecipe(recipe, { identify: request.type === "list" });
  if (request.type === "measure") return { ...measure(recipe, listings, request.keepLimit), listings };
  listed = { recipe, listings };
  return { type: "listed", listings };
}

parentPort!.on("message", (request: MeasureRequest) => {
  let answer: MeasureAnswer;
  try {
    answer = answerTo(request);
  } catch (error) {
    const { message } = error as Error;
    answer = { type: "failed", code: error instanceof VarveError ? error.code : undefined, message };
  }
  parentPort!.postMessage(answer, answer.type === "measured" ? [answer.kept.bytes.buffer] : []);
});
