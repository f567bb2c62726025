import assert from "node:assert/strict";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { link, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import fc from "fast-check";
import { writeChunks, writeFileAtomically } from "#util";
import { mustRun } from "../support/process.ts";
import { temporaryFolder } from "../support/tmp.ts";

async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* failingAfter(...texts: string[]): AsyncGenerator<Uint8Array> {
  yield* chunksOf(...texts);
  throw new Error("the source broke");
}

/** The most that a source may do: a chunk's memory is written over as soon as the second next one is asked for. */
async function* reusing(size: number, chunk: number): AsyncGenerator<Uint8Array> {
  const buffers = [Buffer.alloc(chunk), Buffer.alloc(chunk)] as const;
  for (let at = 0, turn = 0; at < size; at += chunk, turn++) {
    const buffer = buffers[turn % 2 === 0 ? 0 : 1].subarray(0, Math.min(chunk, size - at));
    for (let index = 0; index < buffer.length; index++) buffer[index] = (at + index) % 251;
    yield buffer;
    // The other one may still be being written; this one not.
  }
}

const counting = (size: number) => Buffer.from(Array.from({ length: size }, (_, index) => index % 251));

describe("writing chunks to a descriptor", () => {
  async function written(file: string, chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const fd = openSync(file, "w");
    try {
      const count = await writeChunks(fd, chunks, file);
      const bytes = readFileSync(file);
      assert.equal(count, bytes.length);
      return bytes;
    } finally {
      closeSync(fd);
    }
  }

  it("writes them in order, empty ones, too", async (t) => {
    const file = `${await temporaryFolder(t)}/file`;
    assert.equal((await written(file, chunksOf("ab", "", "c", ""))).toString(), "abc");
    assert.equal((await written(file, chunksOf())).length, 0);
  });

  it("writes the right bytes of a source that uses its memory again", async (t) => {
    const file = `${await temporaryFolder(t)}/file`;
    await fc.assert(
      fc.asyncProperty(fc.nat(20_000), fc.integer({ min: 1, max: 3000 }), async (size, chunk) => {
        assert.ok((await written(file, reusing(size, chunk))).equals(counting(size)));
      }),
      { numRuns: 50 },
    );
    assert.ok((await written(file, reusing(3_000_000, 1_000_000))).equals(counting(3_000_000)));
  });

  it("says OUTPUT_CLOSED when the reader goes away", async (t) => {
    const fifo = `${await temporaryFolder(t)}/fifo`;
    await mustRun(["mkfifo", fifo]);
    const reader = openSync(fifo, "r+");
    const fd = openSync(fifo, "w");
    closeSync(reader);
    try {
      await assert.rejects(writeChunks(fd, chunksOf("a"), "the pipe"), {
        code: "OUTPUT_CLOSED",
        message: "cannot write the pipe: the reader closed the pipe",
      });
    } finally {
      closeSync(fd);
    }
  });

  it("goes on when a pipe that doesn't block was full", async (t) => {
    const fifo = `${await temporaryFolder(t)}/fifo`;
    await mustRun(["mkfifo", fifo]);
    const size = 300_000;
    const from = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const to = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      const writing = writeChunks(to, chunksOf("x".repeat(size)), "the pipe");
      const buffer = Buffer.alloc(size);
      let got = 0;
      while (got < size) {
        try {
          got += readSync(from, buffer, got, size - got, null);
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(await writing, size);
      assert.ok(buffer.every((byte) => byte === 0x78));
    } finally {
      closeSync(from);
      closeSync(to);
    }
  });

  it("has stopped writing when the chunks' own failure comes out", async (t) => {
    const file = `${await temporaryFolder(t)}/file`;
    const fd = openSync(file, "w");
    try {
      await assert.rejects(writeChunks(fd, failingAfter("x".repeat(5_000_000)), file), /the source broke/);
      // A write that went on would find the descriptor closed, or worse, another file's.
      assert.equal(readFileSync(file).length, 5_000_000);
    } finally {
      closeSync(fd);
    }
  });
});

describe("writing a file", () => {
  it("puts it in place whole and leaves nothing beside it", async (t) => {
    const folder = await temporaryFolder(t);
    assert.equal(await writeFileAtomically(`${folder}/new`, chunksOf("ab", "c")), 3);
    assert.equal(await readFile(`${folder}/new`, "utf8"), "abc");
    await writeFileAtomically(`${folder}/new`, chunksOf("other"));
    assert.equal(await readFile(`${folder}/new`, "utf8"), "other");
    assert.deepEqual(await readdir(folder), ["new"]);
  });

  it("shows the old file until the new one is whole", async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(`${folder}/file`, "old");
    const seen: string[] = [];
    await writeFileAtomically(
      `${folder}/file`,
      (async function* () {
        for (const text of ["n", "e", "w"]) {
          yield Buffer.from(text);
          seen.push(await readFile(`${folder}/file`, "utf8"));
        }
      })(),
    );
    assert.deepEqual(seen, ["old", "old", "old"]);
    assert.equal(await readFile(`${folder}/file`, "utf8"), "new");
  });

  it("leaves everything as it was when the chunks fail", async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(`${folder}/old`, "old");
    for (const name of ["old", "new"]) {
      await assert.rejects(
        writeFileAtomically(`${folder}/${name}`, failingAfter("half")),
        /the source broke/,
      );
    }
    assert.equal(await readFile(`${folder}/old`, "utf8"), "old");
    assert.deepEqual(await readdir(folder), ["old"]);
  });

  it("gives other names of the old file nothing of the new one", async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(`${folder}/file`, "old");
    await link(`${folder}/file`, `${folder}/other`);
    await writeFileAtomically(`${folder}/file`, chunksOf("new"));
    assert.equal(await readFile(`${folder}/other`, "utf8"), "old");
  });

  it("keeps a symbolic link and writes what it leads to", async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(`${folder}/there`);
    await writeFile(`${folder}/there/file`, "old");
    await symlink("there/file", `${folder}/link`);
    await writeFileAtomically(`${folder}/link`, chunksOf("new"));
    assert.equal(await readlink(`${folder}/link`), "there/file");
    assert.equal(await readFile(`${folder}/there/file`, "utf8"), "new");
    await symlink("/dev/null", `${folder}/null`);
    await writeFileAtomically(`${folder}/null`, chunksOf("new"));
    assert.equal(await readlink(`${folder}/null`), "/dev/null");
    assert.ok((await lstat("/dev/null")).isCharacterDevice());
  });

  it("may go on twice at once, and one of the two is there in the end", async (t) => {
    const folder = await temporaryFolder(t);
    const texts = ["a".repeat(100_000), "b".repeat(50_000)];
    await Promise.all(texts.map((text) => writeFileAtomically(`${folder}/file`, chunksOf(text))));
    assert.ok(texts.includes(await readFile(`${folder}/file`, "utf8")));
    assert.deepEqual(await readdir(folder), ["file"]);
  });

  it("writes into a device and a pipe directly", async (t) => {
    const folder = await temporaryFolder(t);
    assert.equal(await writeFileAtomically("/dev/null", chunksOf("gone")), 4);
    assert.ok((await lstat("/dev/null")).isCharacterDevice());
    await mustRun(["mkfifo", `${folder}/fifo`]);
    const [read] = await Promise.all([
      mustRun(["cat", `${folder}/fifo`]),
      writeFileAtomically(`${folder}/fifo`, chunksOf("through")),
    ]);
    assert.equal(read, "through");
    assert.ok((await lstat(`${folder}/fifo`)).isFIFO());
  });

  it("says what is in its way, by the name it was given", async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(`${folder}/file`, "");
    await mkdir(`${folder}/folder`);
    for (const [path, reason] of [
      ["/dev/full", "no space is left on the device"],
      [`${folder}/gone/file`, "its folder does not exist"],
      [`${folder}/file/below`, "a part of the path is not a directory"],
      [`${folder}/folder`, "it is a directory"],
    ] as const) {
      await assert.rejects(writeFileAtomically(path, chunksOf("x")), {
        code: "UNWRITABLE",
        message: `cannot write ${path}: ${reason}`,
      });
    }
    assert.deepEqual((await readdir(folder)).sort(), ["file", "folder"]);
  });

  it("asks for no chunk when a folder is in its way", async (t) => {
    const folder = await temporaryFolder(t);
    let asked = false;
    const chunks = (async function* () {
      asked = true;
      yield Buffer.from("x");
    })();
    await assert.rejects(writeFileAtomically(folder, chunks), { code: "UNWRITABLE" });
    assert.equal(asked, false);
  });
});
