import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { copy, createIndex, inspect, thisMachine } from "#app";
import { ociLayoutSink } from "#formats";
import { draftOf, type Image } from "#image";
import { type Descriptor, encodeDocument, MediaType, type RawDocument } from "#oci";
import { FakeRegistry, madeImage } from "#testing";
import { bytesSource } from "#util";
import { writeImage } from "#write";
import { temporaryFolder } from "../../support/tmp.ts";

/** The same image for another architecture. */
async function imageFor(architecture: string): Promise<Image> {
  const made = await madeImage([{ entries: { "etc/name": architecture } }]);
  const config = encodeDocument({ ...made.config.value, architecture }, MediaType.ociConfig);
  const { manifest: _, ...image } = made;
  return { ...image, config };
}

/** An attestation as BuildKit makes it: a manifest with a document instead of layers. */
async function writeAttestation(path: string, subject: string): Promise<Descriptor> {
  const statement = encodeDocument(
    { _type: "statement", about: subject } as never,
    "application/vnd.in-toto+json",
  );
  const { digest, size } = statement.descriptor;
  const config = encodeDocument(
    { architecture: "unknown", os: "unknown", rootfs: { type: "layers", diff_ids: [digest] } } as never,
    MediaType.ociConfig,
  );
  const layer = {
    descriptor: { mediaType: "application/vnd.in-toto+json", digest, size },
    diffId: digest,
    components: [],
    keep: true as const,
    open: () => bytesSource(statement.bytes).open(),
  };
  const image: Image = { config: config as RawDocument<never>, layers: [layer], names: [] };
  const [written] = await writeImage(draftOf(image), [ociLayoutSink({ path })], { untagged: true });
  return {
    ...written!.descriptor,
    platform: { os: "unknown", architecture: "unknown" },
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": subject,
    },
  };
}

/** A layout with an image for each of two platforms, and a third with an index over both and an attestation. */
async function world(t: TestContext) {
  const folder = await temporaryFolder(t);
  const layout = join(folder, "layout");
  const manifests: Descriptor[] = [];
  for (const architecture of ["amd64", "arm64"]) {
    const [written] = await writeImage(draftOf(await imageFor(architecture)), [
      ociLayoutSink({ path: layout, tag: architecture }),
    ]);
    manifests.push({ ...written!.descriptor, platform: { os: "linux", architecture } });
  }
  const attestation = await writeAttestation(layout, manifests[0]!.digest);
  const index = encodeDocument(
    { schemaVersion: 2 as const, mediaType: MediaType.ociIndex, manifests: [...manifests, attestation] },
    MediaType.ociIndex,
  );
  await ociLayoutSink({ path: layout, tag: "both" }).writeIndex!(index, {});
  const temporary = join(folder, "temporary");
  mkdirSync(temporary);
  const own = thisMachine({ cache: false });
  t.after(() => own[Symbol.asyncDispose]());
  return {
    folder,
    machine: { ...own, temporary },
    manifests,
    attestation,
    place: (tag: string) => `oci:${layout}:${tag}`,
  };
}

const platforms = ["linux/amd64", "linux/arm64"];

describe("createIndex", () => {
  it("writes to a registry, a layout and an archive, with annotations", async (t) => {
    const { folder, machine, place } = await world(t);
    const registry = await new FakeRegistry().start();
    t.after(() => registry.stop());
    const annotations = { "org.opencontainers.image.title": "both" };
    const to = [`docker://${registry.host}/both:1`, `oci:${folder}/new:1`, `oci-archive:${folder}/new.tar:1`];
    const digests = new Set<string>();
    for (const destination of to) {
      const made = await createIndex(destination, [place("amd64"), place("arm64")], { machine, annotations });
      assert.equal(made.destination.replace(/^docker:\/\//, ""), destination.replace(/^docker:\/\//, ""));
      digests.add(made.digest);
      for (const platform of platforms) {
        const { description } = await inspect(destination, { machine, platform });
        assert.deepEqual(description.index, { digest: made.digest, platforms });
      }
    }
    assert.equal(digests.size, 1);
    const blob = join(folder, "new/blobs/sha256", [...digests][0]!.slice("sha256:".length));
    assert.deepEqual(JSON.parse(readFileSync(blob, "utf8")).annotations, annotations);
    assert.deepEqual(readdirSync(machine.temporary), []);
  });

  it("packs the same archive of the same images, and none if it fails", async (t) => {
    const { folder, machine, place } = await world(t);
    for (const name of ["a.tar", "b.tar"])
      await createIndex(`oci-archive:${folder}/${name}`, [place("amd64"), place("arm64")], { machine });
    assert.ok(readFileSync(join(folder, "a.tar")).equals(readFileSync(join(folder, "b.tar"))));
    const twice = [place("amd64"), place("amd64")];
    await assert.rejects(createIndex(`oci-archive:${folder}/c.tar`, twice, { machine }), { code: "USAGE" });
    assert.ok(!existsSync(join(folder, "c.tar")));
    assert.deepEqual(readdirSync(machine.temporary), []);
  });

  it("takes all images of an index, and what it says of those that stay what they are", async (t) => {
    const { folder, machine, manifests, attestation, place } = await world(t);
    const made = await createIndex(`oci:${folder}/new:1`, [place("both")], { machine });
    assert.deepEqual(made.manifests, [...manifests, attestation]);
    const one = await createIndex(`oci:${folder}/one:1`, [place("both")], {
      machine,
      platform: "linux/arm64",
    });
    assert.deepEqual(one.manifests, [manifests[1]]);
  });

  it("steps over attestations when an image is read", async (t) => {
    const { folder, machine, place } = await world(t);
    const [copied] = await copy(place("both"), `oci:${folder}/copied:1`, {
      machine,
      platform: "linux/arm64",
    });
    assert.equal(copied!.layers.length, 1);
    await assert.rejects(copy(place("both"), `oci:${folder}/x:1`, { machine, platform: "linux/s390x" }), {
      code: "IMAGE_NOT_FOUND",
      message: /the platforms it has: linux\/amd64, linux\/arm64$/,
    });
  });

  it("refuses a place for one image, and says which places hold several", async (t) => {
    const { folder, machine, place } = await world(t);
    await assert.rejects(createIndex(join(folder, "x.tar"), [place("amd64")], { machine }), {
      code: "USAGE",
      message:
        /can't hold an index, so there is room for one platform only; write to a registry, an OCI layout or an oci-archive/,
    });
  });
});
