import assert from "node:assert/strict";
import { it } from "node:test";
import { digestOf } from "#oci";
import { ArrivedBlobs } from "../../../src/places/registry/arrived.ts";

it("what has arrived at a registry is known by repository, digest and size, for a quarter of an hour", () => {
  let now = 0;
  const arrived = new ArrivedBlobs(() => now);
  const blob = { digest: digestOf(Buffer.from("blob")), size: 4 };
  assert.equal(arrived.elsewhere("b", blob), undefined);
  arrived.note("a", blob);
  assert.ok(arrived.isIn("a", blob));
  assert.ok(!arrived.isIn("b", blob));
  assert.equal(arrived.elsewhere("b", blob), "a");
  assert.equal(arrived.elsewhere("a", blob), undefined);
  assert.ok(!arrived.isIn("a", { ...blob, size: 5 }));
  now = 14 * 60_000;
  arrived.note("b", blob);
  now = 16 * 60_000;
  assert.ok(!arrived.isIn("a", blob));
  assert.equal(arrived.elsewhere("c", blob), "b");
});
