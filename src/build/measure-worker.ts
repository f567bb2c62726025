/** The body of a measuring thread: a recipe comes in, its digest, size and listings go out. */
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { VarveError } from "../errors.ts";
import { type LayerRecipe, listRecipe, packLayer } from "../fs/index.ts";
import { Fingerprint } from "../util/index.ts";
import type { MeasureAnswer, MeasureThreadData, ThreadMeasured } from "./measure-pool.ts";

const { fingerprintKey } = workerData as MeasureThreadData;

// The hash itself and not oci's Digester, since a thread that loads less is there sooner, and smaller.
function measure(recipe: LayerRecipe): ThreadMeasured {
  const listings = listRecipe(recipe);
  const hash = createHash("sha256");
  const fingerprint = new Fingerprint(fingerprintKey);
  let size = 0;
  for (const chunk of packLayer(recipe, { listings })) {
    hash.update(chunk);
    fingerprint.update(chunk);
    size += chunk.length;
  }
  return { sha256: hash.digest("hex"), fingerprint: fingerprint.finish(), size, listings };
}

parentPort!.on("message", (recipe: LayerRecipe) => {
  let answer: MeasureAnswer;
  try {
    answer = { measured: measure(recipe) };
  } catch (error) {
    const { message } = error as Error;
    answer = { error: { code: error instanceof VarveError ? error.code : undefined, message } };
  }
  parentPort!.postMessage(answer);
});
