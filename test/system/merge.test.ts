import assert from "node:assert/strict";
import { join } from "node:path";
import { after, it } from "node:test";
import { fileOutput, mergedDockerArchive } from "#formats";
import { madeImage } from "#testing";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { startDockerd } from "./support/dockerd.ts";

it("docker load of merged images gives all of them, with all their names", {
  skip: requires("docker"),
}, async () => {
  const scope = stacked({ after });
  const archive = join(await temporaryFolder(scope), "merged.tar");
  const base = { entries: { base: "1" } };
  const images = [
    { ...(await madeImage([base])), names: ["one:1", "localhost:5000/one:latest"] },
    { ...(await madeImage([base, { entries: { two: "2" } }])), names: ["two:2"] },
  ];
  await fileOutput(archive).write(mergedDockerArchive(images));
  const dockerd = await startDockerd(scope);
  await dockerd.load(archive);
  for (const { names, layers } of images) {
    for (const name of names) {
      const { RootFS, RepoTags } = await dockerd.inspect(name);
      assert.deepEqual(
        RootFS.Layers,
        layers.map((layer) => layer.diffId),
      );
      assert.deepEqual([...RepoTags].sort(), [...names].sort());
    }
  }
});
