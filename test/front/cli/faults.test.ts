import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { ociLayoutSink } from "#formats";
import { draftOf } from "#image";
import { madeImage } from "#testing";
import { writeImage } from "#write";
import { assertFailed } from "../../support/failure.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

/** How something that nobody foresaw may go wrong while a file is written. */
const WAYS = {
  "an error where nobody can catch it": "setImmediate(() => { throw new Fault(words); });",
  "a promise that nobody waits for": "Promise.reject(new Fault(words));",
  "an error in the midst of a command": "JSON.stringify = () => { throw new Fault(words); };",
  "something that is no error": "JSON.stringify = () => { throw words; };",
};

for (const [name, way] of Object.entries(WAYS)) {
  test(`${name} is told as a fault of varve, without a stack, and leaves nothing`, async (t) => {
    const folder = await temporaryFolder(t);
    const source = join(folder, "layout");
    const image = await madeImage([{ entries: { large: "x".repeat(8_000_000) } }]);
    await writeImage(draftOf(image), [ociLayoutSink({ path: source, tag: "1" })]);
    // Takes the place of a library whose fault it is.
    const preload = join(folder, "preload.mjs");
    await writeFile(
      preload,
      `import fs from "node:fs";
       import { syncBuiltinESMExports } from "node:module";
       import { promisify } from "node:util";
       class Fault extends Error { name = "Fault"; }
       const words = "assert(!this.paused)\\n\\u001b[31m  at Parser.finish";
       const write = promisify(fs.write);
       let first = true;
       fs.write = () => {};
       fs.write[promisify.custom] = async (...args) => {
         if (first) { first = false; ${way} }
         return await write(...args);
       };
       syncBuiltinESMExports();`,
    );
    const out = join(folder, "out");
    const finished = await varve(["copy", "--quiet", `oci:${source}`, `docker-archive:${out}`], {
      env: { NODE_OPTIONS: `--import=${pathToFileURL(preload)}` },
    });
    assertFailed(
      finished,
      /varve has a fault \(.*assert\(!this\.paused\).*\); please report it with .*varve \d.*Node\.js \d/,
    );
    assert.doesNotMatch(finished.stderr, /\u001b/);
    assert.deepEqual(
      (await readdir(folder)).filter((file) => file.startsWith("out.")),
      [],
    );
  });
}
