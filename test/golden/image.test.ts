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
/** Both packages in one layer, since neither is worth one. */
const TOGETHER = "sha256:91734d408d8596bf89b4a0b2ffcbd4cbe5dac575e6be40aa2c94533056ffb300";

const GOLDEN = [
  {
    strategy: undefined,
    diffIds: [TOGETHER, PROJECT],
    config: "sha256:ccba751fa66edc6d7d59e8e97b351583a37e05c783d6293e9d249eb598332fea",
  },
  {
    strategy: "popularity",
    diffIds: [...PACKAGES, PROJECT],
    config: "sha256:105d64180408314d473d29b97ed80cca102b667d564c238f6024facbd635b8c7",
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
