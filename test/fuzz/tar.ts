/**
 * Archives, made by a grammar or by changing real ones. Whatever they are, they are read or refused, with little memory
 * and the same however their bytes come; and of what is read, the names are those that GNU tar lists, and the fields
 * those that Python reads.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { readTar, streamInput, type TarInput, type TarMember } from "#tar";
import { encodeName } from "#util";
import {
  blocks,
  comparable,
  END,
  gnuLong,
  header,
  memoryInput,
  pax,
  record,
  withChecksum,
} from "../support/tar.ts";
import { path } from "../support/tar-arbitraries.ts";
import { pythonEntries } from "../support/tar-oracle.ts";
import { outcomeOf, type Target } from "./target.ts";

const golden = ["names.tar", "numbers.tar", "types.tar"].map((name) =>
  readFileSync(fileURLToPath(new URL(`../golden/${name}`, import.meta.url))),
);

const TYPES = [..."0011234567", "\0", "S", "V", "D", "M", "Z"];

const name = fc.oneof(
  path,
  fc.constantFrom("a", "a/", "a//", "./a", "/a", "../a", "a/..", ".", "/", "", "x\0y", " ", "\n", "a\\b"),
);

const sizeField = fc.oneof(
  fc.constantFrom<string | Buffer>(
    "",
    "0",
    " ",
    "00000001000\0",
    "77777777777\0",
    "-1",
    "1 2",
    "\x000000001000\0",
  ),
  fc.constantFrom(
    Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]),
    Buffer.alloc(12, 0xff),
    Buffer.alloc(12, 0x80),
  ),
);

/** A content that is an entry for whoever loses the step. */
const SMUGGLED = header("smuggled");

const plain = fc
  .record({
    name,
    type: fc.constantFrom(...TYPES),
    content: fc.oneof(fc.constantFrom(0, 1, 511, 512, 512, 512, 513, 1024), fc.nat(1600)),
    linkname: fc.oneof(fc.constant(""), name),
    prefix: fc.oneof({ weight: 4, arbitrary: fc.constant("") }, name),
    magic: fc.constantFrom("ustar\x0000", "ustar\x0000", "ustar  \0", "\0\0\0\0\0\0\0\0", "ustar\0  "),
    sizeField: fc.option(sizeField, { freq: 8, nil: undefined }),
    smuggles: fc.boolean(),
    lies: fc.option(fc.nat(2048), { freq: 8, nil: undefined }),
  })
  .map(({ name, content, smuggles, lies, sizeField, ...fields }) =>
    Buffer.concat([
      header(name, { ...fields, size: lies ?? content, ...(sizeField === undefined ? {} : { sizeField }) }),
      content === 512 && smuggles ? SMUGGLED : blocks("c".repeat(content)),
    ]),
  );

const records = fc.oneof(
  fc
    .array(
      fc.oneof(
        fc.tuple(
          fc.constantFrom("path", "linkpath", "uname", "gname", "comment", "SCHILY.xattr.a", ""),
          name,
        ),
        fc.tuple(
          fc.constantFrom(
            "size",
            "uid",
            "gid",
            "mtime",
            "atime",
            "hdrcharset",
            "GNU.sparse.major",
            "GNU.sparse.name",
          ),
          fc.constantFrom(
            "0",
            "3",
            "512",
            "1.5",
            "-1",
            "",
            "x",
            "99999999999999999999",
            "1e3",
            " 1",
            "0x10",
            "1_0",
          ),
        ),
      ),
      { maxLength: 4 },
    )
    .map((list) => list.map(([key, value]) => record(key, value)).join("")),
  fc.constantFrom(
    "",
    "\0",
    " ",
    "0 =\n",
    "5 a=\n",
    "99 path=a\n",
    "9 path=a\n",
    "9 path=a\n\0\0",
    "9 path=\n\n",
  ),
);

const part = fc.oneof(
  { weight: 6, arbitrary: plain },
  {
    weight: 3,
    arbitrary: fc.tuple(records, fc.constantFrom("x", "x", "g", "X")).map(([text, type]) => pax(text, type)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom("L" as const, "K" as const), name)
      .map(([type, text]) => gnuLong(type, text)),
  },
  { weight: 1, arbitrary: fc.constantFrom(END, Buffer.alloc(512), Buffer.alloc(512, 1), Buffer.alloc(100)) },
);

const made = fc
  .tuple(fc.array(part, { maxLength: 6 }), fc.constantFrom(END, END, END, Buffer.alloc(512), Buffer.alloc(0)))
  .map(([parts, end]) => Buffer.concat([...parts, end]));

const change = fc.record({
  block: fc.nat(10_000),
  what: fc.constantFrom("bytes", "bytes", "field", "field", "remove", "repeat", "swap", "zero", "cut"),
  at: fc.nat(511),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
});

/** Where a header's fields begin; most of the others' bytes are content. */
const FIELDS = [0, 99, 100, 108, 116, 124, 135, 136, 148, 156, 157, 257, 263, 265, 297, 329, 337, 345, 500];

function changed(
  archive: Buffer,
  changes: readonly (typeof change extends fc.Arbitrary<infer T> ? T : never)[],
): Buffer {
  let parts: Buffer[] = [];
  for (let at = 0; at < archive.length; at += 512) parts.push(Buffer.from(archive.subarray(at, at + 512)));
  for (const { block, what, at, bytes } of changes) {
    const index = block % Math.max(parts.length, 1);
    const chosen = parts[index];
    if (chosen === undefined) break;
    const start = what === "field" ? FIELDS[at % FIELDS.length]! : at;
    if (what === "bytes" || what === "field")
      chosen.set(bytes.subarray(0, Math.max(0, chosen.length - start)), Math.min(start, chosen.length));
    else if (what === "remove") parts.splice(index, 1);
    else if (what === "repeat") parts.splice(index, 0, Buffer.from(chosen));
    else if (what === "swap") [parts[0], parts[index]] = [chosen, parts[0]!];
    else if (what === "zero") chosen.fill(0);
    else parts = [...parts.slice(0, index), chosen.subarray(0, at)];
  }
  return Buffer.concat(parts.map((each) => (isHeader(each) ? withChecksum(each) : each)));
}

function isHeader(block: Buffer): boolean {
  return block.length === 512 && block.toString("latin1", 257, 262) === "ustar";
}

const archive = fc
  .oneof(
    made,
    fc
      .tuple(fc.oneof(made, fc.constantFrom(...golden)), fc.array(change, { maxLength: 5 }))
      .map(([base, changes]) => changed(base, changes)),
  )
  .map((bytes) => {
    const text = () => `gunzip of ${gzipSync(bytes).toString("base64")}`;
    return Object.assign(Buffer.from(bytes), { [fc.toStringMethod]: text });
  });

/** More than any one piece that varve needs of an archive to know what is in it. */
const MAX_READ = 1024 * 1024;

async function membersOf(input: TarInput): Promise<TarMember[]> {
  const found: TarMember[] = [];
  const watched: TarInput = {
    read(length) {
      assert.ok(length <= MAX_READ, `${length} bytes were asked for at once`);
      return input.read(length);
    },
    skip: (length) => input.skip(length),
  };
  for await (const { entry, offset } of readTar(watched, "the archive")) found.push({ entry, offset });
  return found;
}

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** The names that GNU tar lists, as bytes in hexadecimal; undefined where it complains. */
async function gnuNames(bytes: Buffer): Promise<string[] | undefined> {
  const child = spawn("tar", ["--list", "--absolute-names", "--quoting-style=escape", "--file=-"], {
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  // It may have seen enough before everything is written.
  child.stdin.on("error", () => {}).end(bytes);
  const parts: Buffer[] = [];
  for await (const part of child.stdout) parts.push(part as Buffer);
  const code = child.exitCode ?? (await new Promise((resolve) => child.once("close", resolve)));
  if (code !== 0) return undefined;
  const lines = Buffer.concat(parts).toString("latin1").split("\n").slice(0, -1);
  return lines.map((line) => Buffer.from(unescaped(line), "latin1").toString("latin1"));
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function unescaped(line: string): string {
  return line.replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code),
  );
}

/** Of two extended headers of one kind in a row the last counts for GNU tar, Go and varve, and the first for Python. */
function hasRecordsTwice(bytes: Buffer): boolean {
  const before = new Set<string>();
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512);
    if (!isHeader(block)) continue;
    const type = String.fromCharCode(block[156]!).replace("X", "x");
    if (type === "g") continue;
    if (!"xLK".includes(type)) before.clear();
    else if (before.has(type)) return true;
    else before.add(type);
  }
  return false;
}

const bytesOf = (text: string) => encodeName(text).toString("latin1");
const withoutSlashes = (text: string) => text.replace(/\/+$/, "");

interface Case {
  readonly bytes: Buffer;
  /** The sizes of the chunks in which it comes, over and over. */
  readonly sizes: readonly number[];
  /** Whether Python is asked, too, which takes its time. */
  readonly asPython: boolean;
}

async function check({ bytes, sizes, asPython }: Case): Promise<void> {
  const whole = await outcomeOf(() => membersOf(memoryInput(bytes)));
  const streamed = await outcomeOf(() => membersOf(streamInput(chunksOf(bytes, sizes))));
  const [fromFile, fromStream] = [whole, streamed].map((outcome) =>
    "refused" in outcome
      ? [outcome.refused.code, outcome.refused.message]
      : outcome.value.map(({ entry, offset }) => ({ ...comparable(entry), offset })),
  );
  assert.deepEqual(fromStream, fromFile, "a stream and a file are read the same");
  if ("refused" in whole) {
    assert.equal(whole.refused.code, "INVALID_TAR");
    return;
  }
  const members = whole.value;
  const listed = await gnuNames(bytes);
  if (listed !== undefined) {
    const names = members.map(({ entry }) => bytesOf(entry.name));
    assert.deepEqual(names.map(withoutSlashes), listed.map(withoutSlashes), "GNU tar lists the same names");
  }
  if (asPython && !hasRecordsTwice(bytes)) sameAsPython(bytes, members);
}

function sameAsPython(bytes: Buffer, members: readonly TarMember[]): void {
  const [expected] = pythonEntries([bytes]);
  // Python ends where it finds no sense.
  if (expected == null || expected.length !== members.length) return;
  // A sparse file's size isn't that of what is stored of it; and it is GNU tar that says which formats have a prefix.
  // Records are for their keys: a size of a global header, which nobody writes, changes their order.
  const kept = ({ again: _, offset: __, size: ___, name: ____, pax, ...entry }: Record<string, unknown>) => {
    return { ...entry, pax: [...((pax ?? []) as [string, string][])].sort() };
  };
  const fields = expected.map((entry) => kept({ ...entry }));
  const actual = members.map(({ entry }) => kept(comparable(entry) as Record<string, unknown>));
  assert.deepEqual(actual, fields, "Python reads the same fields");
}

export const tar: Target = {
  name: "tar",
  runs: 40,
  property: () =>
    fc.asyncProperty(
      fc.record({
        bytes: archive,
        sizes: fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 5 }),
        asPython: fc.nat(7).map((die) => die === 0),
      }),
      check,
    ),
};
