import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MadeEntry, madeImage } from "#testing";
import { validateImage } from "#write";

type Entry = readonly [name: string, entry: string | MadeEntry];

async function validate(...more: Entry[]): Promise<number[]> {
  const image = await madeImage([{ entries: { first: "" } }, { entries: {}, more, gzip: 1 }]);
  const found: number[] = [];
  for await (const { entries } of validateImage(image)) found.push(entries);
  return found;
}

const dir: MadeEntry = { dir: true };
const long = "a/very/long/path/".repeat(20);

describe("a layer that is validated", () => {
  it("has no path twice, as Docker compares paths, and the layer and the path are named", async () => {
    const twice: [Entry, Entry][] = [
      [
        ["app/a", dir],
        ["app/a", dir],
      ],
      [
        ["app/a", dir],
        ["./app/a", dir],
      ],
      [
        ["app/a", ""],
        ["app//a", { link: "b" }],
      ],
      [
        ["app/a", ""],
        ["app/b/../a", ""],
      ],
      [
        ["/app/a", dir],
        ["//app/./a", dir],
      ],
      [
        [".", dir],
        ["./", dir],
      ],
      [
        ["/", dir],
        ["//", dir],
      ],
      [
        [`${long}x`, ""],
        [`./${long}x`, ""],
      ],
      [
        ["\udc80", ""],
        ["\udc80", ""],
      ],
    ];
    for (const [first, second] of twice) {
      await assert.rejects(validate(["between", ""], first, second), (error: Error & { code?: string }) => {
        assert.equal(error.code, "INVALID_IMAGE");
        assert.match(error.message, /^layer 2 \(sha256:[0-9a-f]{64}\) has the path .* twice, and Docker/);
        const name = second[0].replace(/(?<=.)\/+$/, "");
        assert.ok(error.message.includes(` path ${name} twice`), error.message);
        return true;
      });
    }
  });

  it("may have paths that only look alike, and one that another layer has", async () => {
    const names = ["a", "/a", "A", "a-", "../a", "first", ".", "/", "é", "e\u0301", "\udc80", "\udc81"];
    const longs = ["\udc80", "\udc81", "\ufffd"].map((end) => `${long}${end}`);
    const all = [...names, ...longs];
    const entries = all.map((name): Entry => [name, name.endsWith("/") || name === "." ? dir : ""]);
    assert.deepEqual(await validate(...entries), [1, all.length]);
  });
});
