import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileOutput } from "#formats";
import { bytesSource, hashChecked } from "#util";
import { expectedHash } from "../../../src/front/cli/expected-hash.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const EMPTY = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const NIX32 = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";

describe("an expected hash", () => {
  it("is read in every form that Nix writes", () => {
    for (const text of [EMPTY, HEX, NIX32, `sha256:${HEX}`, `sha256:${NIX32}`]) {
      assert.equal(expectedHash(text), EMPTY, text);
    }
  });

  it("is refused in any other", () => {
    for (const text of [
      "",
      "sha256-",
      `sha512-${"A".repeat(86)}==`,
      HEX.slice(1),
      NIX32.replace("0", "z"),
      "e".repeat(52),
    ]) {
      assert.throws(() => expectedHash(text), { code: "commander.invalidArgument" }, text);
    }
  });

  it("lets a file be written that has it, and leaves none that hasn't", async (t) => {
    const folder = await temporaryFolder(t);
    const bytes = Buffer.from("content");
    const right = `sha256-${createHash("sha256").update(bytes).digest("base64")}`;
    const write = (name: string, expected: string) =>
      fileOutput(join(folder, name), {
        check: (chunks) => hashChecked(chunks, { expected, name }),
      }).write(bytesSource(bytes).open());
    await write("right", right);
    assert.ok(existsSync(join(folder, "right")));
    await assert.rejects(write("wrong", EMPTY), (error: Error & { code?: string }) => {
      assert.equal(error.code, "DIGEST_MISMATCH");
      assert.ok(error.message.includes(right) && error.message.includes(EMPTY), error.message);
      return true;
    });
    assert.equal(existsSync(join(folder, "wrong")), false);
  });
});
