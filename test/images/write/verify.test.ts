import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Layer } from "#image";
import { digestOf, MediaType } from "#oci";
import { uncompressedLayer, verified } from "#write";

const BYTES = Buffer.from("the bytes of a layer");
const EXPECTED = { digest: digestOf(BYTES), size: BYTES.length };

async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

describe("verified bytes", () => {
  it("pass in whatever chunks they come", async () => {
    for (const size of [1, 7, 20, 100]) {
      const chunks = Array.from({ length: Math.ceil(BYTES.length / size) }, (_, turn) =>
        BYTES.subarray(turn * size, (turn + 1) * size),
      );
      assert.ok(
        (await collected(verified([...chunks, Buffer.alloc(0)], EXPECTED, "the layer"))).equals(BYTES),
      );
    }
    const nothing = { digest: digestOf(Buffer.alloc(0)), size: 0 };
    assert.equal((await collected(verified([], nothing, "the layer"))).length, 0);
  });

  it("end in an error when there are fewer", async () => {
    await assert.rejects(collected(verified([BYTES.subarray(1)], EXPECTED, "the layer")), {
      code: "SIZE_MISMATCH",
      message: "the layer should have 20 bytes, but has only 19",
    });
  });

  it("stop at once when there are more, before those are passed on", async () => {
    let asked = 0;
    const endless = function* () {
      for (;;) {
        asked++;
        yield BYTES;
      }
    };
    const passed: Uint8Array[] = [];
    await assert.rejects(
      async () => {
        for await (const chunk of verified(endless(), EXPECTED, "the layer")) passed.push(chunk);
      },
      { code: "SIZE_MISMATCH", message: "the layer should have 20 bytes, but has more" },
    );
    assert.deepEqual([asked, passed.length], [2, 1]);
  });

  it("end in an error when they are others", async () => {
    const other = Buffer.from(BYTES);
    other[0] = 0;
    await assert.rejects(collected(verified([other], EXPECTED, "the layer")), {
      code: "DIGEST_MISMATCH",
      message: `the layer should have the digest ${EXPECTED.digest}, but has ${digestOf(other)}`,
    });
  });
});

describe("a layer without its compression", () => {
  const layer = (stored: Buffer, mediaType: string, diffId = EXPECTED.digest): Layer => {
    const descriptor = { mediaType, digest: digestOf(stored), size: stored.length };
    return { descriptor, diffId, components: ["a"], open: () => verified([stored], descriptor, "stored") };
  };

  it("is itself when it has none", async () => {
    const plain = layer(BYTES, MediaType.ociLayer);
    assert.equal(await uncompressedLayer(plain, "layer 1"), plain);
  });

  it("has its diff ID for a digest, and its uncompressed size", async () => {
    for (const stored of [
      layer(gzipSync(BYTES), "application/vnd.oci.image.layer.v1.tar+gzip"),
      layer(gzipSync(BYTES), "application/vnd.docker.image.rootfs.diff.tar.gzip"),
      layer(zstdCompressSync(BYTES), "application/vnd.oci.image.layer.v1.tar+zstd"),
    ]) {
      const plain = await uncompressedLayer(stored, "layer 1");
      assert.deepEqual(plain.descriptor, { mediaType: MediaType.ociLayer, ...EXPECTED });
      assert.deepEqual([plain.diffId, plain.components], [EXPECTED.digest, ["a"]]);
      for (let again = 0; again < 2; again++) assert.ok((await collected(plain.open())).equals(BYTES));
    }
  });

  it("is refused when it isn't what its diff ID says, is damaged, or of a kind that nobody knows", async () => {
    const gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    await assert.rejects(uncompressedLayer(layer(gzipSync("other"), gzip), "layer 1"), {
      code: "DIGEST_MISMATCH",
      message: /^layer 1 /,
    });
    await assert.rejects(uncompressedLayer(layer(gzipSync(BYTES).subarray(0, 25), gzip), "layer 1"), {
      code: "INVALID_IMAGE",
      message: /^layer 1 /,
    });
    await assert.rejects(uncompressedLayer(layer(BYTES, "text/plain"), "layer 1"), {
      code: "UNSUPPORTED_COMPRESSION",
      message: /text\/plain/,
    });
  });
});
