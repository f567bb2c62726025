/** crane, oras and umoci read what varve writes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { FakeRegistry } from "#testing";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type Images, startImages } from "../system/support/images.ts";
import { peer } from "./support/peers.ts";

const COMPRESSIONS = ["none", "gzip", "zstd"] as const;

describe("what varve writes", () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: FakeRegistry;
  let layout: string;

  before(async () => {
    images = await startImages(scope);
    registry = await new FakeRegistry().start();
    scope.after(() => registry.stop());
    layout = `${images.folder}/layout`;
    const spec = await images.spec({ name: "app", sizes: [1000, 3_000_000] });
    for (const compression of COMPRESSIONS) {
      await images.varve([
        ...["build", spec, "--quiet", "--compression", compression],
        ...["-o", `oci:${layout}:${compression}`, "--push", `${registry.host}/app:${compression}`],
      ]);
    }
    await images.varve(["build", spec, "--quiet", "-o", `docker-archive:${images.folder}/app.tar`]);
  });

  it("is valid to crane, in a registry and in an archive", async () => {
    for (const compression of COMPRESSIONS) {
      const place = `${registry.host}/app:${compression}`;
      // It takes every layer for one that gzip has made.
      if (compression === "gzip") await mustRun([peer("crane"), "validate", "--remote", place]);
      const config = JSON.parse(await mustRun([peer("crane"), "config", place])) as {
        rootfs: { diff_ids: string[] };
      };
      const inspected = await images.inspect(`docker://${place}`);
      assert.deepEqual(
        config.rootfs.diff_ids,
        inspected.layers.map(({ diffId }) => diffId),
      );
    }
    await mustRun([peer("crane"), "validate", "--tarball", `${images.folder}/app.tar`]);
  });

  it("is copied by oras, from a layout and from a registry, as it is", async () => {
    for (const compression of COMPRESSIONS) {
      const { digest } = await images.inspect(`oci:${layout}:${compression}`);
      const copied = `${registry.host}/copied:${compression}`;
      await mustRun([
        ...([peer("oras"), "cp", "--from-oci-layout", "--to-plain-http"] as const),
        ...[`${layout}:${compression}`, copied],
      ]);
      assert.equal((await images.inspect(`docker://${copied}`)).digest, digest);
      const back = `${images.folder}/back:${compression}`;
      await mustRun([peer("oras"), "cp", "--from-plain-http", "--to-oci-layout", copied, back]);
      await images.varve(["validate", `oci:${back}`]);
    }
  });

  it("is unpacked by umoci", { skip: requires("root") }, async () => {
    const tags = await mustRun([peer("umoci"), "ls", "--layout", layout]);
    assert.deepEqual(tags.trim().split("\n").sort(), [...COMPRESSIONS].sort());
    for (const compression of COMPRESSIONS) {
      const bundle = `${images.folder}/bundle-${compression}`;
      const place = `${layout}:${compression}`;
      await mustRun([peer("umoci"), "unpack", "--image", place, bundle]);
      const data = readFileSync(`${images.folder}/app-store/app-1/share/data`);
      const own = readFileSync(`${bundle}/rootfs${images.folder}/app-store/app-1/share/data`);
      assert.ok(own.equals(data));
      const stat = JSON.parse(await mustRun([peer("umoci"), "stat", "--json", "--image", place])) as {
        history: { empty_layer: boolean }[];
      };
      const { layers } = await images.inspect(`oci:${place}`);
      assert.equal(stat.history.filter((entry) => !entry.empty_layer).length, layers.length);
    }
  });
});
