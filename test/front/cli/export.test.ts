import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { gunzipSync } from "node:zlib";
import { mergedDockerArchive } from "#formats";
import { madeImage } from "#testing";
import { assertFailed } from "../../support/failure.ts";
import { names } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

it("varve export writes the same archive to stdout, to a file and compressed, and tells of it on stderr", async (t) => {
  const cwd = await temporaryFolder(t);
  const image = await madeImage([
    { entries: { a: "1", gone: "1" } },
    { entries: { ".wh.gone": "", b: "2" } },
  ]);
  await writeFile(join(cwd, "image.tar"), mergedDockerArchive([image]));
  const succeed = async (...args: string[]) => {
    const finished = await varve(["export", "image.tar", ...args], { cwd });
    assert.equal(finished.code, 0, finished.stderr);
    return finished;
  };
  const { stdout, stderr } = await succeed();
  assert.deepEqual(await names(stdout), ["a", "b"]);
  assert.equal(stderr, "Wrote the root file system of docker-archive:image.tar to stdout\n");
  const { stderr: verbose } = await succeed("-", "--verbose");
  assert.match(verbose, /layer {3}1 .* listed\n.*layer {3}1 .* written\n.*Wrote the root file system/s);
  assert.equal((await succeed("-", "--quiet")).stderr, "");
  await succeed("root.tar");
  await succeed("--output", "root.tar.gz");
  assert.deepEqual(await readFile(join(cwd, "root.tar")), stdout);
  assert.deepEqual(gunzipSync(await readFile(join(cwd, "root.tar.gz"))), stdout);
});

it("varve export refuses two outputs, and leaves none of an image that leaves its root", async (t) => {
  const cwd = await temporaryFolder(t);
  const image = await madeImage([{ entries: { "../a": "1" } }]);
  await writeFile(join(cwd, "image.tar"), mergedDockerArchive([image]));
  assertFailed(
    await varve(["export", "image.tar", "a.tar", "-o", "b.tar"], { cwd }),
    /both a\.tar and b\.tar/,
    2,
  );
  assertFailed(
    await varve(["export", "image.tar", "a.tar"], { cwd }),
    /layer 1 .* "\.\.\/a", which .* leaves the root/,
  );
  await assert.rejects(readFile(join(cwd, "a.tar")), { code: "ENOENT" });
});
