import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Descriptor, digestOf, MediaType } from "#oci";
import { type Artifact, artifactManifest, attachArtifacts, isReferrersTag, readArtifact } from "#referrers";
import { fails } from "../../places/registry/support/setup.ts";
import { artifact, registryWithImage, SBOM } from "../../support/referrers.ts";

const SUBJECT: Descriptor = {
  mediaType: MediaType.ociManifest,
  digest: digestOf(Buffer.from("an image")),
  size: 8,
  annotations: { not: "copied" },
};

describe("an artifact's manifest", () => {
  it("has these bytes", () => {
    const { bytes } = artifactManifest(artifact("x", { b: "2", a: "1" }), SUBJECT);
    assert.deepEqual(JSON.parse(Buffer.from(bytes).toString()), {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactType: SBOM,
      config: {
        mediaType: "application/vnd.oci.empty.v1+json",
        digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        size: 2,
      },
      layers: [{ mediaType: SBOM, digest: digestOf(Buffer.from('{"text":"x"}')), size: 12 }],
      subject: { mediaType: MediaType.ociManifest, digest: SUBJECT.digest, size: 8 },
      annotations: { a: "1", b: "2" },
    });
    const same = artifactManifest(artifact("x", { a: "1", b: "2" }), SUBJECT);
    assert.deepEqual(Buffer.from(same.bytes), Buffer.from(bytes));
  });

  it("isn't made larger than registries take", async () => {
    const large: Artifact = { artifactType: SBOM, blobs: [], annotations: { a: "x".repeat(5_000_000) } };
    const make = async () => artifactManifest(large, SUBJECT);
    await fails(make(), "TOO_LARGE", /use fewer files, or shorter annotations/);
  });
});

it("several artifacts are attached with one change of the list", async (t) => {
  const { ref, registry, image, options } = await registryWithImage(t, { api: false });
  await using store = await options.machine.transports.referrerStore(ref);
  const artifacts = [artifact("1"), artifact("2"), artifact("1", { again: "yes" })];
  const attached = await attachArtifacts(store, { artifacts, subject: image, signal: undefined });
  assert.deepEqual(await store.referrers(image.digest, {}), attached);
  const puts = registry.log.filter((line) => /^PUT .*\/sha256-[^/]+$/.test(line));
  assert.equal(puts.length, 1);
  const { blobs } = await readArtifact(store, attached[1]!, { subject: image, signal: undefined });
  assert.equal(Buffer.from(blobs[0]!.bytes).toString(), '{"text":"2"}');
  assert.deepEqual(await attachArtifacts(store, { artifacts: [], subject: image, signal: undefined }), []);
});

it("a tag of referrers is told from names that look alike", () => {
  const hex = SUBJECT.digest.slice(7);
  for (const tag of [`sha256-${hex}`, `sha256-${hex}.sig`, `sha512-${hex}.att`, `sha256-${hex}.sbom`])
    assert.ok(isReferrersTag(tag), tag);
  for (const tag of [`sha256-${hex.slice(1)}`, `sha256-${hex}.txt`, `sha256:${hex}`, `v-sha256-${hex}`, "1"])
    assert.ok(!isReferrersTag(tag), tag);
});
