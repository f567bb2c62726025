import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { libcOfProgram } from "../../../../src/sources/graph/installed/lock-facts.ts";
import { temporaryFolder } from "../../../support/tmp.ts";

test("a program's C library is known by its loader", async (t) => {
  const folder = await temporaryFolder(t);
  const program = (loader: string): string => {
    const path = join(folder, "program");
    writeFileSync(path, `\x7fELF\0\0\0${loader}\0${"x".repeat(5000)}`);
    return path;
  };
  assert.equal(libcOfProgram(program("/lib/ld-musl-x86_64.so.1")), "musl");
  assert.equal(libcOfProgram(program("/nix/store/abc-glibc-2.40/lib/ld-linux-aarch64.so.1")), "glibc");
  assert.equal(libcOfProgram(program("/lib/ld64.so.1")), undefined);
  assert.equal(libcOfProgram(join(folder, "nothing")), undefined);
});
