import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parseDestination, parseSource } from "../../../src/places/transports/place.ts";
import { temporaryFolder } from "../../support/tmp.ts";

describe("the name of a place", () => {
  for (const [text, near] of [
    ["docker-archve:x.tar", "docker-archive"],
    ["oci-archiv:x.tar:1", "oci-archive"],
    ["docker-deamon:app:1", "docker-daemon"],
  ] as const) {
    it(`is no file's because its transport is mistyped: ${text}`, async () => {
      for (const parse of [parseDestination, parseSource]) {
        const message = new RegExp(`^${text} names .*, which is no transport .*; did you mean ${near}\\?$`);
        await assert.rejects(parse(text), { code: "USAGE", message });
      }
    });
  }

  it("tells which transports there are, where it has one of another tool", async () => {
    for (const text of ["containers-storage:app:1", "dir:out"]) {
      const message =
        /there are docker-archive, oci-archive, oci, docker, docker-daemon; a file of that name is \.\//;
      await assert.rejects(parseDestination(text), { code: "USAGE", message });
    }
  });

  it("may be that of a file with a colon, or of an image with a tag", async (t) => {
    const path = `${await temporaryFolder(t)}/dir:x.tar`;
    writeFileSync(path, "");
    assert.deepEqual(await parseDestination(path), { transport: "docker-archive", path });
    assert.deepEqual(await parseDestination("./dir:x.tar"), {
      transport: "docker-archive",
      path: "./dir:x.tar",
    });
    for (const text of ["oci-tools:1", "node:24", "docker-archiver/app:1"])
      assert.equal((await parseDestination(text)).transport, "docker");
  });
});
