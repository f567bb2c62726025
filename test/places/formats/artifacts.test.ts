/** Manifests of artifacts, which are no images: OCI image specification, manifest.md, "Guidelines for Artifact Usage". */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ociLayoutSource } from "#formats";
import { assertFailed } from "../../support/failure.ts";
import { AMD64, type Entry, Layout, MANIFEST } from "../../support/layout.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

const HELM = "application/vnd.cncf.helm.config.v1+json";
const EMPTY = "application/vnd.oci.empty.v1+json";
const SBOM = "application/vnd.cyclonedx+json";

interface Artifact {
  readonly config: unknown;
  readonly configType: string;
  readonly artifactType?: string;
}

function artifact(layout: Layout, { config, configType, artifactType }: Artifact): Entry {
  const layer = layout.blob("content", "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
  const more = artifactType === undefined ? {} : { artifactType };
  const document = layout.json(config, configType);
  return layout.json(
    { schemaVersion: 2, mediaType: MANIFEST, ...more, config: document, layers: [layer] },
    MANIFEST,
  );
}

const CHART: Artifact = { config: { name: "chart", version: "1.0.0" }, configType: HELM };

describe("an artifact that is no image", () => {
  for (const [what, given, type] of [
    ["a Helm chart", CHART, HELM],
    ["one with an empty config", { config: {}, configType: EMPTY, artifactType: SBOM }, SBOM],
    ["one with an empty config and no type", { config: {}, configType: EMPTY }, EMPTY],
    ["one with both types", { ...CHART, artifactType: "application/vnd.example" }, "application/vnd.example"],
  ] as const) {
    it(`is named: ${what}`, async (t) => {
      const layout = new Layout();
      layout.holds(artifact(layout, given));
      const path = layout.toFolder(await temporaryFolder(t));
      await assert.rejects(ociLayoutSource({ path }).read(AMD64), (error: Error & { code: string }) => {
        assert.equal(error.code, "NOT_AN_IMAGE");
        assert.ok(error.message.includes(`is not an image but ${type}; varve reads and copies images only`));
        return true;
      });
    });
  }

  it("is named where the index says what it is", async (t) => {
    const layout = new Layout();
    layout.holds({ ...artifact(layout, CHART), artifactType: HELM });
    const path = layout.toFolder(await temporaryFolder(t));
    await assert.rejects(ociLayoutSource({ path }).read(AMD64), {
      code: "NOT_AN_IMAGE",
      message: /is not an image but application\/vnd\.cncf\.helm/,
    });
  });

  it("is refused with a sentence that says what to do, also with inspect --raw", async (t) => {
    const layout = new Layout();
    layout.holds(artifact(layout, CHART));
    const folder = await temporaryFolder(t);
    const path = layout.toFolder(`${folder}/layout`);
    for (const args of [
      ["inspect", "--raw", path],
      ["validate", path],
      ["copy", path, `${folder}/copy.tar`],
    ]) {
      assertFailed(
        await varve(args),
        /is not an image but application\/vnd\.cncf\.helm.*tool for artifacts, such as oras/,
      );
    }
  });
});

describe("a config", () => {
  it("is an image's in the types that Docker's old pushes have, too", async (t) => {
    for (const configType of ["application/octet-stream", "application/vnd.docker.container.image.v1+json"]) {
      const layout = new Layout();
      const entry = await layout.image({ change: ({ config }) => (config.mediaType = configType) });
      const path = layout.holds(entry).toFolder(await temporaryFolder(t));
      assert.equal((await ociLayoutSource({ path }).read(AMD64)).layers.length, 2);
    }
  });
});
