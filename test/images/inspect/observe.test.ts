import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { zstdCompressSync } from "node:zlib";
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
    assert.equal([...(await observer.of({ ...own, open: unread }))].length, 1);
    await assert.rejects(observer.of(other), { code: "DIGEST_MISMATCH" });
  });

  it("is known as it is, however many files it has", async () => {
    const names = Array.from({ length: 9000 }, (_, at) => `srv/${"x".repeat(at % 90)}/${at}`);
    const entries = Object.fromEntries(
      names.map((name, at) => [name, at % 7 === 0 ? { content: `#!/bin/${at}\n`, mode: 0o755 } : `${at}\n`]),
    );
    const { layers } = await madeImage([{ entries }]);
    const known = [...(await new LayerObserver(undefined).of(layers[0]!))];
    assert.deepEqual(
      known.filter(([, type]) => type === "0").map(([name, , , , , facts]) => [name, facts?.shebang]),
      names.map((name, at) => [name, at % 7 === 0 ? `/bin/${at}` : undefined]),
    );
  });

  it("is read where somebody tells of it what can't be", async () => {
    const { layers } = await madeImage([{ entries: { "etc/own.txt": "own" } }]);
    const layer = layers[0]!;
    const teller = new Map<string, Uint8Array>();
    const store = {
      get: () => undefined,
      put: (key: string, facts: Uint8Array) => void teller.set(key, facts),
    };
    await new LayerObserver(store).of(layer);
    const facts = teller.get(layer.diffId)!;
    const told = async (bytes: Uint8Array) => {
      let opened = 0;
      const observer = new LayerObserver(undefined);
      observer.believe(layer.diffId, bytes);
      const counted = (signal?: AbortSignal) => {
        opened++;
        return layer.open(signal);
      };
      assert.equal([...(await observer.of({ ...layer, open: counted }))].length, 1);
      return opened === 0 ? "believed" : "read";
    };
    assert.equal(await told(facts), "believed");
    const piece = (text: string) => {
      const bytes = zstdCompressSync(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    const wrong = [
      Buffer.alloc(0),
      Buffer.from("facts"),
      facts.subarray(0, -1),
      piece("{}\n"),
      piece('["own"]\n'),
      piece("[] "),
    ];
    for (const bytes of wrong) assert.equal(await told(bytes), "read", bytes.toString("latin1"));
    for (const entry of ['[1,"0",420,"",0]', '["a","0","420","",0]', '["a","0",420,"",0,1]'])
      assert.equal(await told(piece(`[${entry}]\n`)), "read", entry);
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
