import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { copy, createIndex, type ImageLock, lock, thisMachine } from "#app";
import { mergedDockerArchive } from "#formats";
import { digestOf, encodeDocument, MediaType } from "#oci";
import { FakeRegistry, madeImage } from "#testing";
import { assertFailed } from "../../support/failure.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

describe("varve lock", () => {
  const scope = stacked({ after });
  let cwd: string;
  let registry: FakeRegistry;
  let reference: string;

  before(async () => {
    cwd = await temporaryFolder(scope);
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    reference = `${registry.host}/base:1`;
    await using machine = thisMachine({ cache: false });
    const references: string[] = [];
    for (const architecture of ["amd64", "arm64"]) {
      const { manifest: _, ...image } = await madeImage([
        { entries: { "etc/name": architecture }, gzip: 6 },
        { entries: { a: "2" }, gzip: 9 },
      ]);
      const config = encodeDocument({ ...image.config.value, architecture }, MediaType.ociConfig);
      const archive = join(cwd, `${architecture}.tar`);
      await writeFile(archive, mergedDockerArchive([{ ...image, config }]));
      references.push(`docker://${registry.host}/base:${architecture}`);
      await copy(`docker-archive:${archive}`, references.at(-1)!, { machine });
    }
    await createIndex(`docker://${reference}`, references, { machine });
  });

  async function locked(...args: string[]): Promise<ImageLock> {
    const { code, stdout, stderr } = await varve(["lock", ...args], { cwd });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.toString());
  }
  const bytesOf = (tag: string) => registry.manifests.get(`base:${tag}`)!.bytes;

  it("writes down the image of an index for a platform, in a fixed order, and fetches none of its layers", async () => {
    registry.requests.length = 0;
    const found = await locked(reference, "--platform", "linux/arm64");
    const manifest = bytesOf("arm64");
    const { config, layers } = JSON.parse(manifest.toString());
    assert.deepEqual(JSON.parse(JSON.stringify(found)), {
      lockVersion: 1,
      reference,
      digest: digestOf(bytesOf("1")),
      platform: "linux/arm64",
      manifest: {
        mediaType: MediaType.ociManifest,
        digest: digestOf(manifest),
        size: manifest.length,
        text: manifest.toString(),
      },
      config,
      layers,
    });
    assert.deepEqual(Object.keys(found), [
      "lockVersion",
      "reference",
      "digest",
      "platform",
      "manifest",
      "config",
      "layers",
    ]);
    assert.deepEqual(Object.keys(found.layers[1]!), ["mediaType", "digest", "size"]);
    const asked = registry.requests.map(({ path }) => path);
    for (const { digest } of found.layers) assert.ok(!asked.some((path) => path.includes(digest)));
  });

  it("has the manifest's own digest where there is no index", async () => {
    const { digest, manifest, platform } = await locked(`docker://${registry.host}/base:amd64`);
    assert.equal(digest, digestOf(bytesOf("amd64")));
    assert.deepEqual([digest, platform], [manifest.digest, "linux/amd64"]);
    assert.equal((await locked(`${registry.host}/base:amd64`, "--insecure")).insecure, true);
  });

  it("writes the same to a file, and says so", async () => {
    const { stdout } = await varve(["lock", reference, "--platform", "linux/amd64"], { cwd });
    const args = ["lock", reference, "--platform", "linux/amd64", "--output", "base.lock.json"];
    const { code, stderr, stdout: nothing } = await varve(args, { cwd });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await readFile(join(cwd, "base.lock.json")), stdout);
    assert.equal(nothing.length, 0);
    const digest = digestOf(bytesOf("1"));
    assert.equal(stderr, `Locked ${reference} for linux/amd64 at ${digest} in base.lock.json\n`);
  });

  it("keeps the bytes of a manifest that is written in another way", async () => {
    const text = `${JSON.stringify({ ...JSON.parse(bytesOf("amd64").toString()), annotations: { a: "\u00e9\u200b" } }, null, 3)}\r\n`;
    registry.manifests.set("base:odd", { bytes: Buffer.from(text), mediaType: MediaType.ociManifest });
    const { manifest } = await locked(`${registry.host}/base:odd`);
    assert.equal(manifest.text, text);
    assert.equal(digestOf(Buffer.from(manifest.text)), manifest.digest);
  });

  it("says what isn't there", async () => {
    assertFailed(await varve(["lock", `${registry.host}/none:1`], { cwd }), /has no .*none:1/);
    assertFailed(await varve(["lock", reference, "--platform", "linux/s390x"], { cwd }), /linux\/s390x/);
    assertFailed(await varve(["lock", "Not A Reference"], { cwd }), /Not A Reference/);
    await assert.rejects(lock("oci:folder:x:y"), { code: "INVALID_REFERENCE" });
  });

  it("has its blobs fetched by Nix' builders, whole or not at all", async () => {
    const { layers } = await locked(reference, "--platform", "linux/amd64");
    const [{ digest, size }] = layers as [ImageLock["layers"][number]];
    const fetch = (...args: string[]) => varve(["nix", "blob", reference, ...args], { cwd });
    const { code, stderr } = await fetch(digest, String(size), "layer.gz");
    assert.equal(code, 0, stderr);
    assert.deepEqual(await readFile(join(cwd, "layer.gz")), registry.blob("base", digest));
    assertFailed(await fetch(digest, String(size + 1), "other"), /has \d+ bytes where it should have/);
    await assert.rejects(readFile(join(cwd, "other")), { code: "ENOENT" });
  });
});
