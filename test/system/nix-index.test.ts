import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { type NixExamples, startNixExamples } from "./support/nix-examples.ts";

const PLATFORMS = ["linux/amd64", "linux/arm64"];

describe("imageIndex", { skip: requires("nix", "debianPackages") }, () => {
  const scope = stacked({ after });
  let examples: NixExamples;
  let registry: FakeRegistry;

  before(async () => {
    examples = await startNixExamples(scope, ["index", "pushIndex"]);
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
  });

  const inspect = async (place: string, platform: string) =>
    JSON.parse(await mustRun([...builtCommand, "inspect", place, "--platform", platform, "--json"]));

  it("puts images of several systems beside each other, in an OCI layout", async () => {
    const { out, imageName, imageTag } = examples.get("index");
    assert.deepEqual([imageName, imageTag], ["both", "1"]);
    for (const platform of PLATFORMS) {
      const found = await inspect(`oci:${examples.outside(out)}:1`, platform);
      assert.deepEqual(found.index.platforms, PLATFORMS);
      assert.equal(`${found.platform.os}/${found.platform.architecture}`, platform);
    }
  });

  it("is pushed whole by pushImage", async () => {
    const reference = `${registry.host}/both:2`;
    await examples.nix.run([examples.get("pushIndex").out, reference, "--quiet"]);
    const own = await inspect(`oci:${examples.outside(examples.get("index").out)}:1`, PLATFORMS[0]!);
    for (const platform of PLATFORMS) {
      const found = await inspect(`docker://${reference}`, platform);
      assert.deepEqual(found.index.platforms, PLATFORMS);
    }
    assert.equal((await inspect(`docker://${reference}`, PLATFORMS[0]!)).digest, own.digest);
  });
});
