import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { writeTar } from "#tar";
import { comparable, members } from "../support/tar.ts";
import { archives } from "./archives.ts";

describe("the golden archives", () => {
  for (const [name, { sha256, entries }] of Object.entries(archives)) {
    const golden = readFileSync(new URL(name, import.meta.url));

    it(`${name} has the digest that it has always had`, () => {
      assert.equal(createHash("sha256").update(golden).digest("hex"), sha256);
    });

    it(`${name} is written byte for byte`, async () => {
      const written: Uint8Array[] = [];
      const members = entries.map((entry) => ({ entry, content: [Buffer.alloc(entry.size, "c")] }));
      for await (const chunk of writeTar(members)) written.push(Uint8Array.from(chunk));
      assert.equal(Buffer.concat(written).toString("latin1"), golden.toString("latin1"));
    });

    it(`${name} is read as the entries that it was made of`, async () => {
      const read = (await members(golden)).map(({ entry }) => entry);
      assert.equal(read.length, entries.length);
      for (const [index, entry] of entries.entries()) {
        // What didn't fit a field, and so was read from a record, is in `pax`, too.
        const { pax: _, ...fields } = comparable(read[index]!) as Record<string, unknown>;
        const { pax, ...expected } = { linkname: "", devmajor: 0, devminor: 0, ...entry };
        assert.deepEqual(fields, { ...expected, name: pax?.get("path") ?? entry.name });
      }
    });
  }
});
