/** The part of the fuzzing that every change passes: seeds that are always the same. `npm run fuzz` tries fresh ones. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { requires } from "../support/systems.ts";
import { Fuzzer } from "./driver.ts";
import { targets } from "./targets.ts";

const SEEDS = [1];

describe("seeded fuzzing", () => {
  const fuzzer = new Fuzzer();
  after(() => fuzzer[Symbol.asyncDispose]());
  for (const { name } of targets) {
    it(`finds nothing in ${name}`, {
      skip: requires(...(name === "tar" ? ["python" as const] : [])),
    }, async () => {
      for (const seed of SEEDS) assert.equal((await fuzzer.try({ target: name, seed }))?.what, undefined);
    });
  }
});
