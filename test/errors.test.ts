import assert from "node:assert/strict";
import { it } from "node:test";
import { VarveError } from "../src/errors.ts";

it("an error's sentence can be read, however long what it quotes is", () => {
  const { message } = new VarveError(
    "USAGE",
    `a.json has the key ${"x".repeat(1_000_000)} twice; write it once`,
  );
  assert.equal(message.length, 3000);
  assert.match(message, /^a\.json has the key x+…x+ twice; write it once$/);
  assert.equal(new VarveError("USAGE", "y".repeat(3000)).message.length, 3000);
});
