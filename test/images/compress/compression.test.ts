import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { type Compression, compress, compressionOf, decompress } from "#compress";

const MiB = 1024 * 1024;

/** The bytes cut at these places, in memory that is overwritten as soon as a source may do so. */
async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const memory = [Buffer.alloc(0), Buffer.alloc(0)];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = Math.max(sizes[turn % sizes.length]!, 1);
    memory[turn % 2]!.fill(0xee);
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    memory[turn % 2] = chunk;
    yield chunk;
    at += size;
  }
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}

async function sizeOf(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.length;
  return size;
}

/** Bytes that compress a little, with repeats near and far. */
function sample(size: number): Buffer {
  const bytes = randomBytes(size);
  for (let at = 5000; at + 3000 < size; at += 7919) bytes.copy(bytes, at, at - 4000, at - 2000);
  return bytes;
}

const unpack = (bytes: Buffer, algorithm: Compression, sizes = [65536]) =>
  all(decompress(cut(bytes, sizes), { algorithm, what: "the layer" }));

const pack = { gzip: gzipSync, zstd: zstdCompressSync } as const;
const algorithms = ["gzip", "zstd"] as const;

const damaged = { name: "VarveError", code: "INVALID_IMAGE", message: /^the layer / };

describe("what is compressed", () => {
  for (const algorithm of [...algorithms, "zstd-pinned"] as const) {
    const format = algorithm === "gzip" ? "gzip" : "zstd";

    it(`with ${algorithm} follows from the bytes and the level, however they come`, async () => {
      const sizes = fc.oneof(
        fc.nat(3000),
        fc.constantFrom(MiB - 1, MiB, MiB + 1, 2 * MiB - 1, 2 * MiB, 2 * MiB + 1, 5 * MiB),
      );
      const cuts = fc.array(fc.integer({ min: 50_000, max: 3 * MiB }), { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(sizes, cuts, fc.constantFrom(1, 3, 6), async (size, pieces, level) => {
          const bytes = sample(size);
          const choice = { algorithm, level };
          const once = await all(compress(cut(bytes, [size]), choice));
          assert.ok(once.equals(await all(compress(cut(bytes, pieces), choice))));
          const restored = algorithm === "gzip" ? gunzipSync(once) : zstdDecompressSync(once);
          assert.ok(restored.equals(bytes));
          assert.ok((await unpack(once, format, pieces)).equals(bytes));
        }),
        { numRuns: 12 },
      );
    });

    it(`with ${algorithm} is smaller at a higher level`, async () => {
      // Machine code: made text behaves in odd ways.
      const text = readFileSync(process.execPath).subarray(20 * MiB, 24 * MiB);
      const size = (level: number) => sizeOf(compress(cut(text, [MiB]), { algorithm, level }));
      assert.ok((await size(9)) < (await size(1)));
    });

    it(`with ${algorithm} at a level that it doesn't have is refused`, async () => {
      for (const level of [0, -1, 23, 1.5, Number.NaN]) {
        await assert.rejects(all(compress(cut(Buffer.alloc(1), [1]), { algorithm, level })), {
          code: "USAGE",
        });
      }
    });

    it(`with ${algorithm} fails as its source fails, and is left when it isn't wanted`, async () => {
      const failing = async function* () {
        yield randomBytes(3 * MiB);
        throw new Error("the source broke");
      };
      await assert.rejects(all(compress(failing(), { algorithm })), /the source broke/);
      let closed = false;
      const endless = async function* () {
        try {
          for (;;) yield randomBytes(MiB);
        } finally {
          closed = true;
        }
      };
      let chunks = 0;
      for await (const _ of compress(endless(), { algorithm })) if (++chunks === 3) break;
      assert.ok(closed);
    });
  }

  it("with zstd-pinned is the same with each Node.js", async () => {
    const numbers = Array.from({ length: 400_000 }, (_, at) => (at * at) % 9973);
    const bytes = Buffer.from(numbers.join(" "));
    const hashes = [1, 3, 19].map(async (level) => {
      const packed = await all(compress(cut(bytes, [MiB]), { algorithm: "zstd-pinned", level }));
      return createHash("sha256").update(packed).digest("hex").slice(0, 16);
    });
    assert.deepEqual(await Promise.all(hashes), ["3d5fddbdf005c51c", "e77b1eb46040e6d5", "a93132fb5b1c9743"]);
  });

  it("with gzip uses what came before a block, as one stream does", async () => {
    const page = randomBytes(30_000);
    const bytes = Buffer.concat(Array.from({ length: 100 }, () => page));
    const size = await sizeOf(compress(cut(bytes, [MiB]), { algorithm: "gzip" }));
    assert.ok(size < gzipSync(bytes).length * 1.01);
  });

  it("with gzip says neither when nor where", async () => {
    const bytes = await all(compress(cut(Buffer.from("x"), [1]), { algorithm: "gzip" }));
    assert.deepEqual([...bytes.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  });

  it("with none is what it was", async () => {
    const bytes = sample(MiB);
    assert.ok((await all(compress(cut(bytes, [5000]), { algorithm: "none" }))).equals(bytes));
  });
});

describe("what is decompressed", () => {
  for (const algorithm of algorithms) {
    const bytes = sample(300_000);
    const packed = pack[algorithm](bytes);

    it(`with ${algorithm} may have several members or frames, cut anywhere`, async () => {
      const several = Buffer.concat([packed, pack[algorithm](Buffer.alloc(0)), pack[algorithm](bytes)]);
      for (const sizes of [[several.length], [packed.length], [packed.length - 1, 2], [1000, 7], [65536]]) {
        assert.ok((await unpack(several, algorithm, sizes)).equals(Buffer.concat([bytes, bytes])));
      }
    });

    it(`with ${algorithm} must not be cut short, wherever`, async () => {
      const small = pack[algorithm](Buffer.from("some text, some text"));
      for (let length = 0; length < small.length; length++) {
        await assert.rejects(unpack(small.subarray(0, length), algorithm), damaged, `${length} bytes`);
      }
      await assert.rejects(unpack(packed.subarray(0, packed.length - 70_000), algorithm), damaged);
      await assert.rejects(unpack(Buffer.concat([packed, packed.subarray(0, 20)]), algorithm), damaged);
      await assert.rejects(unpack(Buffer.concat([packed, packed.subarray(0, 1)]), algorithm), damaged);
    });

    it(`with ${algorithm} must not be followed by anything else`, async () => {
      for (const rest of [
        Buffer.from("garbage"),
        Buffer.alloc(1),
        Buffer.alloc(1024),
        randomBytes(200_000),
      ]) {
        const bad = Buffer.concat([packed, rest]);
        await assert.rejects(unpack(bad, algorithm, [bad.length]), damaged);
        await assert.rejects(unpack(bad, algorithm, [packed.length, rest.length]), damaged);
        await assert.rejects(unpack(bad, algorithm, [999]), damaged);
      }
      const behindZeros = Buffer.concat([packed, Buffer.alloc(512), Buffer.from("garbage")]);
      await assert.rejects(unpack(behindZeros, algorithm), damaged);
    });

    it(`with ${algorithm} ends or fails with a code, whatever the bytes`, async () => {
      const small = pack[algorithm](sample(2000));
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
          async (changes) => {
            const changed = Buffer.from(small);
            for (const [at, byte] of changes) changed[at] = byte;
            await unpack(changed, algorithm).catch((error) => assert.equal(error.code, "INVALID_IMAGE"));
          },
        ),
        { numRuns: 200 },
      );
    });

    it(`with ${algorithm} may grow to any size, however few bytes there were`, async () => {
      const zeros = pack[algorithm](Buffer.alloc(64 * MiB));
      const size = 1088 * MiB;
      const many = async function* () {
        for (let made = 0; made < size; made += 64 * MiB) yield zeros;
      };
      assert.equal(await sizeOf(decompress(many(), { algorithm, what: "the layer" })), size);
    });
  }

  it("with zstd may have frames to skip, sizes and checksums or none", async () => {
    const text = Buffer.from("text ".repeat(50_000));
    const skippable = Buffer.concat([Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from("abc")]);
    const flags = [constants.ZSTD_c_checksumFlag, constants.ZSTD_c_contentSizeFlag];
    const frames = [0, 1, 2, 3].map((bits) =>
      zstdCompressSync(text, {
        params: Object.fromEntries(flags.map((flag, at) => [flag, (bits >> at) & 1])),
      }),
    );
    const stream = Buffer.concat([skippable, ...frames.flatMap((frame) => [frame, skippable])]);
    for (const sizes of [[stream.length], [1], [10, 3]]) {
      assert.ok(
        (await unpack(stream, "zstd", sizes)).equals(Buffer.concat(Array.from({ length: 4 }, () => text))),
      );
    }
  });
});

describe("a compression", () => {
  it("is told by its first bytes", () => {
    assert.equal(compressionOf(gzipSync("x"), "it"), "gzip");
    assert.equal(compressionOf(zstdCompressSync("x"), "it"), "zstd");
    assert.equal(compressionOf(Buffer.from("manifest.json"), "it"), "none");
    assert.equal(compressionOf(Buffer.alloc(0), "it"), "none");
  });

  it("that isn't read is named", () => {
    for (const [start, name] of [
      ["BZh91AY", "bzip2"],
      ["\xfd7zXZ\0", "xz"],
    ] as const) {
      assert.throws(() => compressionOf(Buffer.from(start, "latin1"), "it"), {
        code: "UNSUPPORTED_COMPRESSION",
        message: new RegExp(`^it is compressed with ${name}`),
      });
    }
  });
});
