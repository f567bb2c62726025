import assert from "node:assert/strict";
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { asGnuTar } from "../../../src/front/dockertools/gnu-layer.ts";
import { mustRun } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

const MTIME = 315532800;

async function bytesOf(path: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(asGnuTar(path, { mtime: MTIME })));
}

/** Says where bytes differ, since there are too many to show. */
function same(actual: Buffer, expected: Buffer, what = "archive"): void {
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  const block = Math.floor(at / 512) * 512;
  const [one, other] = [actual, expected].map((bytes) => bytes.toString("latin1", block, block + 512));
  assert.equal(at, -1, `${what} at ${at - block} of the block at ${block}: ${one} instead of ${other}`);
  assert.equal(actual.length, expected.length);
}

describe("a layer as GNU tar packs it", () => {
  it("is what GNU tar makes of the same folder", async (t) => {
    const work = await temporaryFolder(t);
    const folder = join(work, "folder");
    const long = "long-".repeat(24);
    writeTree(folder, {
      dir: {
        bin: { dir: { sh: { link: `/nix/store/${long}/bin/sh` }, su: { file: "su", mode: 0o4755 } } },
        "bin.d": { dir: {} },
        etc: {
          dir: { passwd: { file: "root\n" }, big: { file: 300_000 }, empty: { file: "" }, ü: { file: "x" } },
        },
        [long]: { dir: { [long]: { file: "long" }, link: { link: `${long}/${long}` } } },
        ["n".repeat(98)]: { file: "98" },
        ["n".repeat(99)]: { file: "99" },
        pipe: { fifo: true },
        tmp: { dir: {}, mode: 0o1777 },
      },
    });
    mkdirSync(join(folder, "links"));
    writeFileSync(join(folder, "links", "b"), "linked");
    linkSync(join(folder, "links", "b"), join(folder, "links", "a"));
    symlinkSync("b", join(folder, "links", "c"));
    const all = ["--sort=name", "--numeric-owner", "--owner=0", "--group=0", "-C", folder];
    const gnu = join(work, "expected.tar");
    await mustRun(["tar", ...all, "--mtime", `@${MTIME}`, "--hard-dereference", "-cf", gnu, "."]);
    for (const format of ["posix", "gnu"]) {
      const given = join(work, `${format}.tar`);
      await mustRun(["tar", ...all, `--format=${format}`, "--mtime=@1", "-cf", given, "."]);
      same(await bytesOf(given), readFileSync(gnu), format);
    }
  });

  it("begins with a root where there is none, and gives numbers of any size", async (t) => {
    const work = await temporaryFolder(t);
    const folder = join(work, "folder");
    writeTree(folder, { dir: { file: { file: "x" } } });
    const all = ["--sort=name", "--numeric-owner", "--owner=3000000", "--group=0", "-C", folder];
    const [given, gnu] = [join(work, "given.tar"), join(work, "gnu.tar")] as const;
    await mustRun(["tar", ...all, "--format=posix", "--mtime=@1", "-cf", given, "file"]);
    await mustRun([
      "tar",
      "--owner=0",
      "--numeric-owner",
      "--group=0",
      "--mode=755",
      "--no-recursion",
      "--mtime",
      `@${MTIME}`,
      "-C",
      folder,
      "-cf",
      gnu,
      ".",
    ]);
    await mustRun(["tar", ...all, "--mtime", `@${MTIME}`, "-rf", gnu, "./file"]);
    same(await bytesOf(given), readFileSync(gnu));
  });

  it("is a root where there is nothing", async (t) => {
    const work = await temporaryFolder(t);
    const given = join(work, "empty.tar");
    await mustRun(["tar", "-cf", given, "-T", "/dev/null"]);
    const listed = await mustRun(["tar", "-tvf", "-"], { input: await bytesOf(given) });
    assert.match(listed, /^drwxr-xr-x 0\/0 +0 1980-01-01 00:00 \.\/\n$/);
  });
});
