/** zstd:chunked: plain zstd to everybody, and a table of files to who looks for one. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compress, decompress, isChunked } from "#compress";
import { writeTar } from "#tar";
import { seededBytes } from "../../support/drafts.ts";
import { blocks, END, gnuLong, header, pax } from "../../support/tar.ts";
import { smallEntry } from "../../support/tar-arbitraries.ts";

const PREFIX = "io.github.containers.zstd-chunked";
const MiB = 1024 * 1024;

interface TocEntry {
  readonly type: string;
  readonly name: string;
  readonly size?: number;
  readonly digest?: string;
  readonly offset?: number;
  readonly endOffset?: number;
  readonly [key: string]: unknown;
}

interface SplitLine {
  readonly type: number;
  readonly name?: string;
  readonly size?: number;
  readonly payload: string | null;
  readonly position: number;
}

interface Chunked {
  readonly blob: Buffer;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

async function chunked(
  archive: Buffer,
  sizes: readonly number[] = [100_003],
  level?: number,
): Promise<Chunked> {
  let annotations: Chunked["annotations"];
  const parts: Buffer[] = [];
  const choice = { algorithm: "zstd:chunked", ...(level !== undefined && { level }) } as const;
  for await (const part of compress(cut(archive, sizes), choice, (said) => {
    annotations = said;
  })) {
    parts.push(Buffer.from(part));
  }
  return { blob: Buffer.concat(parts), annotations };
}

/** The bytes in pieces whose memory is overwritten as soon as it may be. */
async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let before = Buffer.alloc(0);
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const piece = Buffer.from(bytes.subarray(at, at + sizes[turn % sizes.length]!));
    yield piece;
    before.fill(0xee);
    before = piece;
    at += piece.length;
  }
}

async function plain(blob: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of decompress(cut(blob, [65536]), { algorithm: "zstd", what: "the layer" }))
    parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** The table and the rest of the archive, found as an engine finds them: by the annotations. */
async function tables({ blob, annotations }: Chunked) {
  assert.ok(annotations !== undefined);
  const numbers = (key: string) => annotations[`${PREFIX}.${key}`]!.split(":").map(Number);
  const [at = 0, length = 0, size, kind] = numbers("manifest-position");
  const packed = blob.subarray(at, at + length);
  assert.equal(sha256(packed), annotations[`${PREFIX}.manifest-checksum`]);
  const text = await plain(packed);
  assert.deepEqual([text.length, kind], [size, 1]);
  const toc = JSON.parse(text.toString()) as { version: number; tarSplitDigest: string; entries: TocEntry[] };
  const [splitAt = 0, splitLength = 0, splitSize] = numbers("tarsplit-position");
  const packedSplit = blob.subarray(splitAt, splitAt + splitLength);
  assert.equal(sha256(packedSplit), toc.tarSplitDigest);
  const split = await plain(packedSplit);
  assert.equal(split.length, splitSize);
  const lines = split
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as SplitLine);
  return { toc, lines };
}

/** The archive, put together of the files' frames and what is no content. */
async function assembled({ blob, ...rest }: Chunked): Promise<Buffer> {
  const { toc, lines } = await tables({ blob, ...rest });
  const files = new Map(toc.entries.map((entry) => [entry.name, entry]));
  const parts: Buffer[] = [];
  for (const [at, { type, name, size = 0, payload, position }] of lines.entries()) {
    assert.equal(position, at);
    if (type === 2) {
      parts.push(Buffer.from(payload!, "base64"));
      continue;
    }
    const { offset, endOffset, digest } = files.get(name!)!;
    if (size === 0) {
      assert.deepEqual([offset, endOffset, digest, payload], [undefined, undefined, undefined, null]);
      continue;
    }
    const content = await plain(blob.subarray(offset, endOffset));
    assert.deepEqual([content.length, sha256(content), crc64(content)], [size, digest, payload]);
    parts.push(content);
  }
  return Buffer.concat(parts);
}

/** CRC-64 of ISO 3309, bit by bit. */
function crc64(bytes: Buffer): string {
  let sum = 2n ** 64n - 1n;
  for (const byte of bytes) {
    sum ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) sum = (sum >> 1n) ^ ((sum & 1n) * 0xd800000000000000n);
  }
  const digest = Buffer.alloc(8);
  digest.writeBigUInt64BE(sum ^ (2n ** 64n - 1n));
  return digest.toString("base64");
}

const file = (name: string, content: string) =>
  Buffer.concat([header(name, { size: Buffer.byteLength(content) }), blocks(content)]);

describe("a layer in zstd:chunked", () => {
  it("is plain zstd of the archive, and can be put together again of its table and the files' frames", async () => {
    const archives = fc.uniqueArray(smallEntry, { maxLength: 8, selector: ({ name }) => name });
    const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(archives, sizes, async (entries, pieces) => {
        const parts: Uint8Array[] = [];
        const input = entries.map((entry) => ({ entry, content: once(seededBytes(entry.name, entry.size)) }));
        for await (const part of writeTar(input)) parts.push(Uint8Array.from(part));
        const archive = Buffer.concat(parts);
        const result = await chunked(archive, pieces);
        assert.deepEqual(await plain(result.blob), archive);
        const isListable = entries.every(
          ({ name, linkname = "", type }) => type !== "7" && (name + linkname).isWellFormed(),
        );
        assert.equal(result.annotations !== undefined, isListable);
        if (isListable) assert.deepEqual(await assembled(result), archive);
      }),
      { numRuns: 100 },
    );
  });

  it("has files that are larger than a block of the compressor in several frames", async () => {
    const big = "0123456789abcdef".repeat((5 * MiB) / 16 + 1);
    const archive = Buffer.concat([file("a", "small"), file("big", big), file("z", "small"), END]);
    const result = await chunked(archive);
    assert.deepEqual(await assembled(result), archive);
    assert.deepEqual(await plain(result.blob), archive);
  });

  it("is the same bytes however the archive comes", async () => {
    const archive = Buffer.concat([file("a", "x".repeat(3000)), file("b", "y".repeat(3 * MiB)), END]);
    const one = await chunked(archive, [7 * MiB]);
    for (const sizes of [[1000], [511, 513], [100_003, 1]]) {
      assert.deepEqual(await chunked(archive, sizes), one);
    }
  });

  it("says of each entry what its header says", async () => {
    const archive = Buffer.concat([
      header("bin/", { type: "5" }),
      pax({ mtime: "1.5", "SCHILY.xattr.security.capability": "\u0001\u0002" }),
      file("bin/tool", "#!"),
      header("bin/link", { type: "2", linkname: "tool" }),
      gnuLong("L", `${"long/".repeat(30)}`),
      header("long/", { type: "5", magic: "ustar  \0" }),
      header("plain", { type: "5" }),
      END,
    ]);
    const { toc } = await tables(await chunked(archive));
    const epoch = "1970-01-01T00:00:00Z";
    assert.equal(toc.version, 1);
    assert.deepEqual(
      toc.entries.map(({ digest: _, offset: __, endOffset: ___, ...entry }) => entry),
      [
        { type: "dir", name: "bin/", mode: 0o644, modtime: epoch },
        {
          ...{ type: "reg", name: "bin/tool", mode: 0o644, size: 2, modtime: "1970-01-01T00:00:01.5Z" },
          xattrs: { "security.capability": Buffer.from([1, 2]).toString("base64") },
        },
        { type: "symlink", name: "bin/link", linkName: "tool", mode: 0o644, modtime: epoch },
        { type: "dir", name: "long/".repeat(30), mode: 0o644, modtime: epoch },
        { type: "dir", name: "plain", mode: 0o644, modtime: epoch },
      ],
    );
  });

  it("ends with a footer that says where the tables are", async () => {
    const result = await chunked(Buffer.concat([file("a", "a"), END]));
    const footer = result.blob.subarray(-64);
    const numbers = Array.from({ length: 7 }, (_, at) => Number(footer.readBigUInt64LE(8 * at)));
    assert.equal(numbers.slice(0, 4).join(":"), result.annotations![`${PREFIX}.manifest-position`]);
    assert.equal(numbers.slice(4).join(":"), result.annotations![`${PREFIX}.tarsplit-position`]);
    assert.equal(footer.toString("latin1", 56), "GNUlInUx");
  });

  const odd: Record<string, Buffer> = {
    "names a path twice": Buffer.concat([file("a", "1"), file("a", "2"), END]),
    "has a name that isn't UTF-8": Buffer.concat([file("\xff", "1"), END]),
    "has an entry of a type that tables don't know": Buffer.concat([header("a", { type: "7" }), END]),
    "is cut short": file("a", "1".repeat(2000)).subarray(0, 1000),
    "is no archive": Buffer.alloc(3 * MiB, "no archive"),
  };
  for (const [what, archive] of Object.entries(odd)) {
    it(`is plain zstd without a table if the archive ${what}`, async () => {
      const { blob, annotations } = await chunked(archive);
      assert.equal(annotations, undefined);
      assert.deepEqual(await plain(blob), archive);
    });
  }

  it("is told by its annotations", async () => {
    const { annotations } = await chunked(Buffer.concat([file("a", "a"), END]));
    assert.equal(isChunked({ annotations: annotations! }), true);
    assert.equal(isChunked({}), false);
  });
});

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
