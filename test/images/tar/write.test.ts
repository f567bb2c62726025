import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { EntryType, RECORD_SIZE, readTar, type TarEntry, type TarInputMember, writeTar } from "#tar";
import { memoryInput } from "../../support/tar.ts";
import { smallEntry } from "../../support/tar-arbitraries.ts";

const FILE: TarEntry = { name: "file", type: EntryType.file, mode: 0o644, uid: 0, gid: 0, size: 5, mtime: 0 };

async function archive(members: readonly TarInputMember[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(members)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

describe("an archive", () => {
  it("gives back the contents it was made of, in whatever chunks they came", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(smallEntry, fc.integer({ min: 1, max: 700 })), { maxLength: 5 }),
        async (wishes) => {
          const content = (size: number) => Buffer.alloc(size, "0123456789abcdefg");
          const members = wishes.map(([entry, step]) => ({
            entry,
            content: Array.from({ length: Math.ceil(entry.size / step) }, (_, turn) =>
              content(entry.size).subarray(turn * step, (turn + 1) * step),
            ),
          }));
          const bytes = await archive(members);
          assert.equal(bytes.length % RECORD_SIZE, 0);
          const read: [string, string][] = [];
          for await (const member of readTar(memoryInput(bytes), "the archive")) {
            read.push([member.entry.name, Buffer.from(await member.read(5000)).toString()]);
          }
          assert.deepEqual(
            read,
            wishes.map(([entry]) => [entry.name, content(entry.size).toString()]),
          );
        },
      ),
    );
  });

  for (const [what, content] of [
    ["shorter", ["abc", "d"]],
    ["longer", ["abc", "def"]],
    ["empty", []],
  ] as const) {
    it(`fails for a content that is ${what}, other than its entry says`, async () => {
      await assert.rejects(archive([{ entry: FILE, content: content.map((text) => Buffer.from(text)) }]), {
        code: "SIZE_MISMATCH",
        message: /^file should have 5 bytes, but has \d$/,
      });
    });
  }
});
