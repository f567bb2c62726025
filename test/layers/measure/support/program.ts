/** A program that uses varve: builds the image of a spec, writes it to places, and prints what is at each. */
import { build } from "../../../../src/index.ts";

const [spec = "", ...to] = process.argv.slice(2);
// Not at the top level, which a CommonJS module has no waiting at.
void build(spec, { to }).then(({ places }) => {
  for (const { digest } of places) console.log(digest);
});
