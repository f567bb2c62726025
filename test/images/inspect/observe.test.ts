import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { LayerObserver } from "#inspect";
import { parseDigest } from "#oci";
import { madeImage } from "#testing";

describe("a layer that is looked at while it is read", () => {
  it("is learned of under no diff ID that isn't its own", async () => {
    const { layers } = await madeImage([{ entries: { "etc/own.txt": "own" } }]);
    const bytes = await buffer(layers[0]!.open());
    const digest = (text: Uint8Array | string) =>
      parseDigest(`sha512:${createHash("sha512").update(text).digest("hex")}`, "a layer");
    const own = { ...layers[0]!, diffId: digest(bytes) };
    const other = { ...layers[0]!, diffId: digest("another layer") };
    const observer = new LayerObserver(undefined);
    for (const layer of [own, other]) for await (const _ of observer.watch(layer).open());
    const unread = () => assert.fail("it is known");
    assert.equal((await observer.of({ ...own, open: unread })).entries.length, 1);
    await assert.rejects(observer.of(other), { code: "DIGEST_MISMATCH" });
  });

  it("has the identity of what is known of it, which another line of an ordinary text doesn't change", async () => {
    const identity = async (content: string, mode = 0o644) => {
      const { layers } = await madeImage([{ entries: { "srv/server.js": { content, mode } } }]);
      return await new LayerObserver(undefined).identityOf(layers[0]!);
    };
    const before = await identity("1\n");
    assert.equal(await identity("1\n2\n"), before);
    assert.notEqual(await identity("1\n2\n", 0o666), before);
    assert.notEqual(await identity("#!/bin/sh\n", 0o755), await identity("#!/bin/env node\n", 0o755));
  });
});
