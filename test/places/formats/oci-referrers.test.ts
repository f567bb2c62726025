import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { attach, inspect, readReferrer, referrers } from "#app";
import { fileOutput, packedLayout } from "#formats";
import type { Descriptor } from "#oci";
import { referrersTag } from "#referrers";
import { INDEX, Layout, MANIFEST, REF_NAME } from "../../support/layout.ts";
import { artifact, layoutWithImage, machineFor, SBOM } from "../../support/referrers.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { fails } from "../registry/support/setup.ts";

const EMPTY = "application/vnd.oci.empty.v1+json";

interface IndexFile {
  manifests: (Descriptor & { annotations?: Record<string, string> })[];
}

function indexOf(path: string): IndexFile {
  return JSON.parse(readFileSync(join(path, "index.json"), "utf8"));
}

/** A layout with one image, and what hangs on it; `list` says how index.json has that. */
async function layoutWith(
  t: TestContext,
  list: (layout: Layout, referrers: Descriptor[], image: Descriptor) => readonly unknown[],
) {
  const layout = new Layout();
  const image = (await layout.image()) as unknown as Descriptor;
  const config = layout.json({}, EMPTY);
  const hanging = [1, 2, 3].map((number) =>
    layout.json(
      {
        ...{ schemaVersion: 2, mediaType: MANIFEST, artifactType: SBOM, config, layers: [config] },
        ...{ subject: image, annotations: { number: `${number}` } },
      },
      MANIFEST,
    ),
  ) as unknown as Descriptor[];
  layout.files.set(
    "index.json",
    Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: list(layout, hanging, image) }),
    ),
  );
  const path = join(await temporaryFolder(t), "layout");
  layout.toFolder(path);
  return { path, image, hanging, options: { machine: machineFor(t) } };
}

/** As regctl has it. */
const atTag = (layout: Layout, hanging: Descriptor[], image: Descriptor) => {
  const entries = hanging.map((each, number) => {
    return { ...each, artifactType: SBOM, annotations: { number: `${number + 1}` } };
  });
  const name = { annotations: { [REF_NAME]: referrersTag(image.digest) } };
  return [image, layout.index(entries as never, INDEX, name)];
};

describe("a layout in which things hang on an image", () => {
  const ways: Record<string, Parameters<typeof layoutWith>[1]> = {
    "in index.json, with their types": (_layout, hanging, image) => [
      ...hanging.map((each) => ({ ...each, artifactType: SBOM })),
      image,
    ],
    "in index.json, as bare as can be": (_layout, hanging, image) => [...hanging, image],
    "in index.json, one of them as an image": (layout, hanging, image) => {
      // What cosign and others attached before there were artifact types has an image's config.
      const config = layout.json(
        { architecture: "", os: "", rootfs: { type: "layers", diff_ids: [] } },
        `${MANIFEST}x`,
      );
      const typed = { ...config, mediaType: "application/vnd.oci.image.config.v1+json" };
      const old = { schemaVersion: 2, mediaType: MANIFEST, config: typed, layers: [], subject: image };
      return [layout.json(old, MANIFEST), ...hanging, image];
    },
    "at a tag": atTag,
  };

  for (const [way, list] of Object.entries(ways)) {
    it(`is that one image, and lists them: ${way}`, async (t) => {
      const { path, image, hanging, options } = await layoutWith(t, list);
      assert.equal((await inspect(path, options)).description.digest, image.digest);
      const found = await referrers(path, { artifactType: SBOM }, options);
      assert.deepEqual(
        found.map(({ digest, annotations }) => [digest, annotations]),
        hanging.map(({ digest }, index) => [digest, { number: `${index + 1}` }]),
      );
    });
  }

  it("can be an archive, to which nothing is attached", async (t) => {
    const { path, options } = await layoutWithImage(t);
    const one = await attach(path, artifact("one"), options);
    const archive = `${path}.tar`;
    await fileOutput(archive).write(packedLayout(path));
    assert.deepEqual(await referrers(archive, {}, options), [one]);
    assert.equal((await readReferrer(archive, one, options)).blobs.length, 1);
    await fails(attach(archive, artifact("two"), options), "USAGE", /an archive, to which nothing is added/);
  });

  it("gets what is attached in index.json, and at the tag where there is one", async (t) => {
    const { path, image, options, hanging } = await layoutWith(t, atTag);
    const one = await attach(path, artifact("one", { a: "b" }), options);
    await attach(path, artifact("one", { a: "b" }), options);
    const { manifests } = indexOf(path);
    assert.deepEqual(
      manifests.filter(({ digest }) => digest === one.digest),
      [one],
    );
    const tags = manifests.filter(
      ({ annotations }) => annotations?.[REF_NAME] === referrersTag(image.digest),
    );
    assert.equal(tags.length, 1);
    const list: IndexFile = JSON.parse(
      readFileSync(join(path, "blobs", tags[0]!.digest.replace(":", "/")), "utf8"),
    );
    assert.deepEqual(
      list.manifests.map(({ digest }) => digest),
      [...hanging, one].map(({ digest }) => digest),
    );
    assert.equal((await referrers(path, {}, options)).length, 4);
  });

  it("gives no name that an artifact's annotations have", async (t) => {
    const { path, image, options } = await layoutWithImage(t);
    const names = { [REF_NAME]: "1", "io.containerd.image.name": "docker.io/library/app:1", other: "x" };
    const one = await attach(path, artifact("one", names), options);
    assert.deepEqual(indexOf(path).manifests.at(-1)?.annotations, { other: "x" });
    assert.equal((await inspect(`${path}:1`, options)).description.digest, image.digest);
    assert.deepEqual((await referrers(path, {}, options))[0]?.annotations, one.annotations);
  });

  it("is refused where the tag has an image, or names more than there may be", async (t) => {
    const asImage = await layoutWith(t, (_layout, _hanging, image) => [
      image,
      { ...image, annotations: { [REF_NAME]: referrersTag(image.digest) } },
    ]);
    const { path, options } = asImage;
    assert.equal((await inspect(path, options)).description.digest, asImage.image.digest);
    await fails(referrers(path, {}, options), "INVALID_MANIFEST", /one manifest where an index of referrers/);
    const { manifests } = indexOf(path);
    const many = { schemaVersion: 2, manifests: Array.from({ length: 10_001 }, () => manifests[0]) };
    writeFileSync(join(path, "index.json"), JSON.stringify(many));
    await fails(referrers(path, {}, options), "TOO_LARGE", /more than the 10000/);
  });
});
