import assert from "node:assert/strict";
import { it } from "node:test";
import { draftImage } from "#draft";
import type { Layer } from "#image";
import { checkSpec } from "#spec";
import { STILL } from "../support/drafts.ts";
import { writeProject } from "../support/npm-project.ts";
import { temporaryFolder } from "../support/tmp.ts";

// A change to one of these is a change to every image that people have built: on purpose, and told in the changelog.
const PROJECT = "sha256:351d609a5a918a2570325098d60989542fa646d1722464940922ce6c2a3f4609";
const PACKAGES = [
  "sha256:e7faebad85fdfa3fb6d0876109278cc4b2c42178f129bca6c3c3b36e31254e3e",
  "sha256:480b15b00a5ee0254d7c221030dddbd2e125dd27ee79ecf6143de132cc3dea33",
] as const;
const ROOT = "sha256:84ff92691f909a05b224e1c56abb4864f01b4f8e3c854e4bb4c7baf1d3f6d652";

const GOLDEN = [
  {
    strategy: undefined,
    diffIds: [PROJECT, ...PACKAGES, ROOT],
    config: "sha256:5809c883b9ce6afde425a6eadeb2945015fdb4f70f08ed8fd8014bc358c12448",
  },
  {
    strategy: "popularity",
    diffIds: [...PACKAGES, PROJECT, ROOT],
    config: "sha256:60f88b540332051d327597d22198c34cb2495bc0ca95e8478d0ccb62555b6713",
  },
] as const;

for (const { strategy, diffIds, config } of GOLDEN) {
  it(`an image of an npm project has the digests that it has always had: ${strategy ?? "by default"}`, async (t) => {
    const folder = await temporaryFolder(t);
    writeProject(`${folder}/project`);
    const spec = checkSpec({
      name: "golden",
      graph: `${folder}/project`,
      config: { Cmd: ["node", "index.js"] },
      ...(strategy === undefined ? {} : { strategy }),
    });
    const draft = await draftImage(spec, STILL);
    const layers: Layer[] = [];
    for await (const layer of draft.layers()) layers.push(layer);
    assert.deepEqual(
      layers.map(({ diffId }) => diffId),
      diffIds,
    );
    assert.equal(draft.finish(layers).config.descriptor.digest, config);
  });
}
