import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { mergedDockerArchive } from "#formats";
import { FakeRegistry, type MadeEntry, madeImage } from "#testing";
import { assertFailed } from "../../support/failure.ts";
import { publish } from "../../support/hostile-text.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

const FILES = {
  "usr/lib/a": "a".repeat(50_000),
  "usr/lib/b": "b".repeat(90_000),
  "var/lib/dpkg/info/a.list": "/usr/lib/a\n",
  "var/lib/dpkg/info/b.list": "/usr/lib/b\n",
  "app/server.js": "serve()",
};

async function write(path: string, layers: readonly Readonly<Record<string, string | MadeEntry>>[]) {
  const image = await madeImage(
    layers.map((entries) => ({ entries })),
    { config: { Cmd: ["/app/server.js"] } },
  );
  await writeFile(path, mergedDockerArchive([image]));
}

it("varve relayer splits an image, which varve compare finds to be the same", async (t) => {
  const cwd = await temporaryFolder(t);
  await write(join(cwd, "image.tar"), [{ old: "1" }, { ".wh.old": "", ...FILES }]);
  const succeed = async (...args: string[]) => {
    const finished = await varve(args, { cwd });
    assert.equal(finished.code, 0, finished.stderr);
    return finished.stdout.toString();
  };
  const json = await succeed("relayer", "image.tar", "oci:layout:1", "--json", "--lock-file", "lock.json");
  const [{ layers }] = JSON.parse(json) as [{ layers: { components: string[] }[] }];
  assert.deepEqual(layers.flatMap(({ components }) => components).sort(), [
    ...["app/", "dpkg:a", "dpkg:b", "upkeep"],
  ]);
  assert.match(await readFile(join(cwd, "lock.json"), "utf8"), /"dpkg:a": ?""/);
  assert.match(
    await succeed("compare", "image.tar", "oci:layout:1"),
    /^image.tar and oci:layout:1 have the same root file system: 13 paths\.\n$/,
  );
  await succeed("relayer", "image.tar", "docker-archive:again.tar", "--lock-file", "lock.json", "--verbose");
  await succeed("compare", "again.tar", "oci:layout:1", "--json");
  await succeed("validate", "oci:layout:1");
});

it("varve relayer keeps to the layout of the image at its destination", async (t) => {
  const cwd = await temporaryFolder(t);
  const registry = await new FakeRegistry().start();
  t.after(() => registry.stop());
  const place = `docker://${registry.host}/app:1`;
  await write(join(cwd, "image.tar"), [FILES]);
  for (const expected of [/sent/, /already there/]) {
    const { code, stderr } = await varve(
      ["relayer", "image.tar", place, "--layers-from", "destination", "--no-cache"],
      { cwd },
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, expected);
  }
});

it("varve relayer gives all entries one time where it is told to", async (t) => {
  const cwd = await temporaryFolder(t);
  const at = (mtime: number) =>
    Object.fromEntries(Object.entries(FILES).map(([name, content]) => [name, { content, mtime }]));
  const digests: string[] = [];
  for (const mtime of [5, 9]) {
    await write(join(cwd, "image.tar"), [at(mtime)]);
    const { stdout } = await varve(["relayer", "image.tar", "oci:layout", "--json", "--mtime", "1"], { cwd });
    digests.push((JSON.parse(stdout.toString()) as [{ digest: string }])[0].digest);
  }
  assert.equal(digests[0], digests[1]);
  const finished = await varve(["compare", "image.tar", "oci:layout"], { cwd });
  assert.equal(finished.code, 1);
  assert.match(finished.stdout.toString(), /^app\/server\.js: mtime$/m);
  assert.match(finished.stderr, /image\.tar and oci:layout differ at \d+ paths/);
});

it("varve relayer fails where the image isn't built on the base, and leaves nothing", async (t) => {
  const cwd = await temporaryFolder(t);
  await write(join(cwd, "base.tar"), [{ other: "1" }]);
  await write(join(cwd, "image.tar"), [FILES]);
  assertFailed(
    await varve(["relayer", "image.tar", "docker-archive:out.tar", "--base", "base.tar"], { cwd }),
    /doesn't begin with the layers of base\.tar/,
    2,
  );
  await assert.rejects(readFile(join(cwd, "out.tar")), { code: "ENOENT" });
});

it("varve relayer finds the base that an image's annotations name", async (t) => {
  const cwd = await temporaryFolder(t);
  const registry = await new FakeRegistry().start();
  t.after(() => registry.stop());
  const run = (...args: string[]) => varve(args, { cwd });
  const base = `docker://${registry.host}/base:1`;
  await write(join(cwd, "base.tar"), [{ base: "1" }]);
  const { stdout } = await run("copy", "base.tar", base, "--json");
  const [{ digest }] = JSON.parse(stdout.toString()) as [{ digest: string }];
  const annotations = {
    "org.opencontainers.image.base.name": `${registry.host}/base:moved-on`,
    "org.opencontainers.image.base.digest": digest,
  };
  const image = await madeImage([{ entries: { base: "1" } }, { entries: FILES }], { annotations });
  await publish(image, registry, "app");
  const split = await run(
    "relayer",
    `docker://${registry.host}/app:1`,
    "oci:out",
    "--base",
    "annotated",
    "--json",
  );
  assert.equal(split.code, 0, split.stderr);
  const [{ layers }] = JSON.parse(split.stdout.toString()) as [{ layers: { digest: string }[] }];
  assert.equal(layers[0]!.digest, image.layers[0]!.descriptor.digest);
  const none = await run("relayer", base, "oci:other", "--base", "annotated");
  assertFailed(none, /base:1 has no annotations that name its base/, 2);
});
