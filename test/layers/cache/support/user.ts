/**
 * One of several processes on a cache. Arguments: the cache's folder, what to do, and a number.
 *
 * - `use`: so many times asks for a random entry of a hundred, puts it if it isn't there, and now and then prunes,
 *   verifies or drops; prints how many answers were wrong.
 * - `write`: puts entries for ever; prints a line for every ten.
 * - `put`: puts so many entries; prints how many can be read afterwards, and how many answers were wrong.
 * - `get`: prints the same without putting any, and then tries to put and to drop.
 */
import { isDeepStrictEqual } from "node:util";
import { openDigestCache } from "#cache";
import { blobKeyOf, blobOf, keyOf, layerOf } from "./samples.ts";

const [folder = "", mode = "", count = "0"] = process.argv.slice(2);
const cache = openDigestCache({ folder, now: Date.now });
let [right, wrong] = [0, 0];

function look(number: number): void {
  const [layer, blob] = [cache.layer(keyOf(number)), cache.blob(blobKeyOf(number))];
  if (layer !== undefined) {
    // What another process removes between exporting and importing is what others say, and right all the same.
    const { claimed: _, ...said } = layer;
    isDeepStrictEqual(said, layerOf(number)) ? right++ : wrong++;
  }
  if (blob !== undefined) isDeepStrictEqual(blob, blobOf(number)) ? right++ : wrong++;
}

function put(number: number): void {
  cache.putLayer(keyOf(number), layerOf(number));
  cache.putBlob(blobKeyOf(number), blobOf(number));
}

function say(): void {
  console.log(JSON.stringify({ right, wrong }));
}

if (mode === "use") {
  for (let turn = 0; turn < Number(count); turn++) {
    const number = Math.floor(Math.random() * 100);
    look(number);
    put(number);
    if (turn % 50 === 10) cache.prune({ maxEntries: 120 });
    if (turn % 50 === 20) cache.verify();
    if (turn % 50 === 30) cache.dropLayer(keyOf(number));
    if (turn % 50 === 40) cache.sharable();
  }
  say();
} else if (mode === "write") {
  for (let number = 0; ; number++) {
    put(number % 200);
    if (number % 10 === 0) process.stdout.write(`${number}\n`);
    // What was printed goes out only between turns.
    await new Promise((resolve) => setImmediate(resolve));
  }
} else {
  if (mode === "put") for (let number = 0; number < Number(count); number++) put(number);
  for (let number = 0; number < Number(count); number++) look(number);
  say();
  if (mode === "get") {
    put(1_000_000);
    cache.dropLayer(keyOf(0));
    if (cache.layer(keyOf(0)) !== undefined) throw new Error("what was dropped is there");
  }
}
