import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { attach, readReferrer, referrers } from "#app";
import { fails } from "../../places/registry/support/setup.ts";
import {
  artifact,
  type ImagePlace,
  layoutWithImage,
  machineFor,
  registryWithImage,
  SBOM,
  writeIndex,
} from "../../support/referrers.ts";

const PLACES: Readonly<Record<string, (t: TestContext) => Promise<ImagePlace>>> = {
  "a registry": (t) => registryWithImage(t),
  "a registry with pages of one": (t) => registryWithImage(t, { page: 1 }),
  "a registry that doesn't filter": (t) => registryWithImage(t, { filters: false }),
  "a registry that doesn't say OCI-Subject": (t) => registryWithImage(t, { subject: false }),
  "a registry without the API": (t) => registryWithImage(t, { api: false }),
  "a layout": layoutWithImage,
};

for (const [name, place] of Object.entries(PLACES)) {
  describe(`what hangs on an image in ${name}`, () => {
    it("is listed and read as it was attached", async (t) => {
      const { ref, image, options } = await place(t);
      assert.deepEqual(await referrers(ref, {}, options), []);
      const one = await attach(ref, artifact("one", { z: "1", a: "2" }), options);
      const other = await attach(ref, { ...artifact("other"), artifactType: "application/other" }, options);
      assert.deepEqual(await referrers(ref, {}, options), [one, other]);
      assert.deepEqual(one.annotations, { a: "2", z: "1" });
      assert.deepEqual(await referrers(ref, { artifactType: SBOM }, options), [one]);
      assert.deepEqual(await referrers(ref, { artifactType: "application/none" }, options), []);
      const { manifest, blobs } = await readReferrer(ref, one, options);
      assert.deepEqual(manifest.subject, image);
      assert.deepEqual(
        blobs.map(({ mediaType, bytes }) => [mediaType, Buffer.from(bytes).toString()]),
        [[SBOM, '{"text":"one"}']],
      );
    });

    it("is there once when it is attached twice", async (t) => {
      const { ref, options } = await place(t);
      const first = await attach(ref, artifact("one", { a: "1", b: "2" }), options);
      assert.deepEqual(await attach(ref, artifact("one", { b: "2", a: "1" }), options), first);
      assert.deepEqual(await referrers(ref, {}, options), [first]);
    });

    it("isn't read when it is larger than it may be", async (t) => {
      const { ref, options } = await place(t);
      const one = await attach(ref, artifact("one"), options);
      await fails(readReferrer(ref, one, { ...options, maxBytes: 5 }), "TOO_LARGE", /more than the 5 bytes/);
    });

    it("may hang on an index, or on one of its images", async (t) => {
      const { ref, options } = await place(t);
      const at = ref.startsWith("oci:") ? `${ref}:index` : ref.replace("app:1", "app:index");
      const { images, index } = await writeIndex(at, options.machine);
      const whole = await attach(at, artifact("whole"), options);
      const part = await attach(at, { ...artifact("part"), platform: "linux/arm64" }, options);
      assert.deepEqual(await referrers(at, {}, options), [whole]);
      const arm = { ...options, platform: "linux/arm64" };
      assert.deepEqual(await referrers(at, {}, arm), [part]);
      assert.equal((await readReferrer(at, part, arm)).manifest.subject?.digest, images[1]!.digest);
      assert.equal((await readReferrer(at, whole, options)).manifest.subject?.digest, index.digest);
      await fails(readReferrer(at, part, options), "INVALID_MANIFEST", /lists .* but it has the subject/);
      const riscv = { ...artifact("x"), platform: "linux/riscv64" };
      await fails(attach(at, riscv, options), "IMAGE_NOT_FOUND", /linux\/riscv64/);
    });

    it("has no blob, or several", async (t) => {
      const { ref, options } = await place(t);
      const none = await attach(ref, { artifactType: SBOM, blobs: [] }, options);
      const { manifest } = await readReferrer(ref, none, options);
      assert.deepEqual(manifest.layers, [manifest.config]);
      const blobs = ["a", "b"].map((text) => ({
        mediaType: "text/plain",
        bytes: Buffer.from(text),
        annotations: { title: text },
      }));
      const two = await readReferrer(ref, await attach(ref, { artifactType: SBOM, blobs }, options), options);
      assert.deepEqual(
        two.blobs.map(({ annotations, bytes }) => [annotations, Buffer.from(bytes).toString()]),
        [
          [{ title: "a" }, "a"],
          [{ title: "b" }, "b"],
        ],
      );
    });
  });
}

describe("attaching", () => {
  it("says which places can't have it", async (t) => {
    const options = { machine: machineFor(t) };
    for (const ref of ["docker-archive:x.tar", "docker-daemon:app:1", "oci-archive:x.tar"])
      await fails(attach(ref, artifact("x"), options), "USAGE", /use a registry or an OCI layout/);
  });

  it("refuses what is no media type", async (t) => {
    const { ref, options } = await registryWithImage(t);
    for (const artifactType of ["sbom", "", "a/b\n", "text/plain; charset=utf-8"])
      await fails(attach(ref, { artifactType, blobs: [] }, options), "USAGE", /not a media type/);
  });
});
