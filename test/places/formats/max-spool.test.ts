/** What varve keeps in temporary files of what others made is bounded, however well it was compressed. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { dockerArchiveSource, ociArchiveSource } from "#formats";
import { dockerArchiveOf } from "../../support/docker-archive.ts";
import { assertFailed } from "../../support/failure.ts";
import { AMD64, Layout, readWhole } from "../../support/layout.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

const tooLarge = (name: RegExp) => (error: Error & { code: string }) => {
  assert.equal(error.code, "TOO_LARGE");
  assert.match(error.message, name);
  assert.match(
    error.message,
    /takes more than \d+ bytes in a temporary file, the most that --max-spool allows/,
  );
  return true;
};

describe("a compressed archive", () => {
  it("is read if it fits in the temporary file that it may have, and refused if not", async (t) => {
    const folder = await temporaryFolder(t);
    const docker = await dockerArchiveOf();
    const layout = new Layout();
    layout.holds(await layout.image());
    const oci = await layout.toTar();
    for (const [name, bytes, open] of [
      ["docker.tar.gz", docker, dockerArchiveSource],
      ["oci.tar.zst", oci, ociArchiveSource],
    ] as const) {
      const path = `${folder}/${name}`;
      writeFileSync(path, name.endsWith("gz") ? gzipSync(bytes) : zstdCompressSync(bytes));
      await using enough = open({ path, maxSpool: bytes.length });
      assert.equal((await readWhole(enough)).layers.length, 2);
      await using little = open({ path, maxSpool: bytes.length - 1 });
      await assert.rejects(little.read(AMD64), tooLarge(new RegExp(name)));
      await using plain = open({ path: `${folder}/plain.tar`, maxSpool: 0 });
      writeFileSync(`${folder}/plain.tar`, bytes);
      assert.equal((await readWhole(plain)).layers.length, 2);
    }
  });

  it("is bounded by --max-spool in every command that reads it, and on stdin", async (t) => {
    const folder = await temporaryFolder(t);
    writeFileSync(`${folder}/image.tar.gz`, gzipSync(await dockerArchiveOf()));
    const input = readFileSync(`${folder}/image.tar.gz`);
    const limits = ["--max-spool", "2kB"];
    for (const args of [
      ["inspect", "image.tar.gz"],
      ["validate", "docker-archive:image.tar.gz"],
      ["export", "image.tar.gz", "-o", "root.tar"],
      ["copy", "image.tar.gz", "copy.tar"],
    ]) {
      assertFailed(
        await varve([...args, ...limits], { cwd: folder }),
        /image\.tar\.gz takes more than 2000 bytes/,
      );
    }
    const piped = await varve(["validate", "docker-archive:-", ...limits], { cwd: folder, input });
    assertFailed(piped, /stdin takes more than 2000 bytes/);
    const enough = await varve(["validate", "docker-archive:-", "--max-spool", "1MB"], {
      cwd: folder,
      input,
    });
    assert.equal(enough.code, 0, enough.stderr);
    for (const size of ["-1", "x", "1.5GB", "99999999TB"]) {
      const { code, stderr } = await varve(["inspect", "x", `--max-spool=${size}`]);
      assert.equal(code, 2);
      assert.match(stderr, /must be a number of bytes/);
    }
  });
});
