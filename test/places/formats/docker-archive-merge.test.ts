import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { DockerArchive, fileOutput, mergedDockerArchive } from "#formats";
import type { Image } from "#image";
import { type MadeLayer, madeImage } from "#testing";
import { names } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

const base: MadeLayer = { entries: { base: "1" } };

async function named(tags: readonly string[], ...layers: readonly MadeLayer[]): Promise<Image> {
  return { ...(await madeImage(layers)), names: tags };
}

async function bytesOf(images: readonly Image[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of mergedDockerArchive(images)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe("a docker-archive of several images", () => {
  it("has all images with their names, and what they share once", async (t) => {
    const folder = await temporaryFolder(t);
    const images = [
      await named(["a:1", "a:2"], base, { entries: { a: "1" } }),
      // The same layer compressed.
      await named(["b:1"], { ...base, gzip: 6 }, { entries: { b: "1" } }),
      await named([], base),
    ];
    const bytes = await bytesOf(images);
    await writeFile(join(folder, "merged.tar"), bytes);
    await using archive = await DockerArchive.open(join(folder, "merged.tar"));
    assert.deepEqual(
      archive.images.map((image) => [image.names, image.config.descriptor.digest]),
      images.map((image) => [image.names, image.config.descriptor.digest]),
    );
    for (const [at, { layers }] of images.entries()) {
      const read = await archive.image(`@${at}`);
      assert.deepEqual(
        read.layers.map((layer) => layer.diffId),
        layers.map((layer) => layer.diffId),
      );
    }
    const members = await names(bytes);
    assert.equal(members.filter((name) => name.endsWith("/layer.tar")).length, 3);
    assert.equal(new Set(members).size, members.length);
  });

  it("has an image that comes twice once, with the names of both", async () => {
    const bytes = await bytesOf([await named(["a:1"], base), await named(["a:1", "b:1"], base)]);
    const [entry, ...others] = JSON.parse(/\[\{"Config".*?\}\]/.exec(bytes.toString("latin1"))![0]);
    assert.deepEqual([entry.RepoTags, others], [["a:1", "b:1"], []]);
  });

  it("refuses two images of one name, however it is written", async () => {
    const images = [
      await named(["busybox"], base),
      await named(["docker.io/library/busybox:latest"], { entries: { other: "1" } }),
    ];
    await assert.rejects(bytesOf(images), {
      code: "USAGE",
      message: /two of the images are called docker\.io/,
    });
  });
});

describe("varve merge", () => {
  it("writes a docker-archive, or an OCI layout whose names are whole, and the same on stdout", async (t) => {
    const folder = await temporaryFolder(t);
    const succeed = async (...args: string[]) => {
      const finished = await varve(args, { cwd: folder });
      assert.equal(finished.code, 0, finished.stderr);
      return finished.stdout;
    };
    const write = async (file: string, image: Image) =>
      await fileOutput(join(folder, file)).write(mergedDockerArchive([image]));
    await write("a.tar", await named(["a:1"], base));
    await write("b.tar", await named(["b:1"], base, { entries: { b: "1" } }));
    await succeed("merge", "a.tar", "b.tar", "both.tar");
    assert.deepEqual(await readFile(join(folder, "both.tar")), await succeed("merge", "a.tar", "b.tar", "-"));
    await succeed("merge", "a.tar", "b.tar", "oci:both");
    await succeed("merge", "oci:both:a:1", "oci:both:b:1", "oci-archive:both-oci.tar");
    await succeed("merge", "a.tar", "b.tar", "oci-archive:packed-oci.tar");
    for (const name of ["a:1", "b:1"]) {
      const places = [`docker-archive:both.tar:${name}`, `oci:both:${name}`];
      const configs = await Promise.all(
        places.map(
          async (place) => JSON.parse((await succeed("inspect", "--json", place)).toString()).config,
        ),
      );
      assert.equal(configs[0], configs[1]);
      const archived = ["both-oci.tar", "packed-oci.tar"].map((file) => `oci-archive:${file}:${name}`);
      for (const place of archived) await succeed("validate", place);
      const [manifest, copied, packed] = await Promise.all(
        [`oci:both:${name}`, ...archived].map(
          async (place) => JSON.parse((await succeed("inspect", "--json", place)).toString()).digest,
        ),
      );
      assert.deepEqual([copied, packed], [manifest, manifest]);
    }
    const members = await names(await readFile(join(folder, "packed-oci.tar")));
    // Two layers, of which one is shared, two configs and two manifests.
    assert.equal(members.filter((name) => name.startsWith("blobs/")).length, 6);
    const { code, stderr } = await varve(["merge", "a.tar", "docker://localhost:1/x"], { cwd: folder });
    assert.equal(code, 2);
    assert.match(stderr, /can't write to docker:\/\/localhost:1\/x/);
  });
});
