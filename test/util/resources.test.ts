import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Resources } from "#util";

describe("what is disposed of together", () => {
  const closing = (name: string, closed: string[], fails = false) => ({
    async [Symbol.asyncDispose]() {
      closed.push(name);
      if (fails) throw new Error(name);
    },
  });

  it("is so last first, and all of it though one can't be", async () => {
    const closed: string[] = [];
    const resources = new Resources();
    resources.use(closing("a", closed));
    resources.use(closing("b", closed, true));
    resources.use({ [Symbol.dispose]: () => void closed.push("c") });
    await assert.rejects(resources[Symbol.asyncDispose](), new Error("b"));
    assert.deepEqual(closed, ["c", "b", "a"]);
  });

  it("is left to a new owner", async () => {
    const closed: string[] = [];
    const resources = new Resources();
    resources.use(closing("a", closed));
    const owner = resources.move();
    await resources[Symbol.asyncDispose]();
    assert.deepEqual(closed, []);
    await owner[Symbol.asyncDispose]();
    assert.deepEqual(closed, ["a"]);
  });
});
