/** The body of a measuring thread: a recipe comes in, its digest, size and listings go out. */
import { parentPort } from "node:worker_threads";
import { VarveError } from "../errors.ts";
import { type LayerRecipe, listRecipe, packLayer } from "../fs/index.ts";
import { Digester } from "../oci/index.ts";
import type { Measured } from "./measure.ts";
import type { MeasureAnswer } from "./measure-pool.ts";

function measure(recipe: LayerRecipe): Measured {
  const listings = listRecipe(recipe);
  const digester = new Digester();
  for (const chunk of packLayer(recipe, { listings })) digester.update(chunk);
  return { diffId: digester.digest(), size: digester.size, listings };
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
