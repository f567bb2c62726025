import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type NixImages, startNixImages } from "./support/nix-images.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

interface ImageConfig {
  readonly config: { readonly Env: readonly string[]; readonly Cmd: readonly string[] };
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history: readonly unknown[];
}

describe("other programs read the archives of varve stream and varve build", {
  skip: requires("nix", "skopeo", "umoci", "registry"),
}, () => {
  const scope = stacked({ after });
  let images: NixImages;
  let registry: Registry;
  /** Archives by the name of the image in them; the last one has a base, with which it shares layers. */
  const archives = new Map<string, string>();

  before(async () => {
    images = await startNixImages(scope);
    registry = await startRegistry(scope);
    const { archive } = await images.stream({ name: "streamed", program: images.base, env: ["WHO=one"] });
    archives.set("streamed", archive);
    const wanted = { program: images.base, env: ["WHO=one"] };
    archives.set("built", await images.build({ name: "built", ...wanted }));
    const onTop = { program: images.grandchild, env: ["WHO=two"], fromImage: archive };
    archives.set("stacked", (await images.stream({ name: "stacked", ...onTop })).archive);
  });

  async function imageConfig(place: string, ...options: string[]): Promise<ImageConfig> {
    return JSON.parse(await mustRun(["skopeo", "inspect", "--config", ...options, place])) as ImageConfig;
  }

  for (const name of ["streamed", "built", "stacked"]) {
    it(`skopeo inspects ${name} and finds its layers and environment`, async () => {
      const { config, rootfs, history } = await imageConfig(`docker-archive:${archives.get(name)}`);
      const who = name === "stacked" ? "WHO=two" : "WHO=one";
      assert.deepEqual(config.Env, [who]);
      assert.equal(history.length, rootfs.diff_ids.length);
      const { Layers: layers } = JSON.parse(
        await mustRun(["skopeo", "inspect", `docker-archive:${archives.get(name)}`]),
      ) as { Layers: readonly string[] };
      // A docker-archive has no layer compressed, so their digests are the diff IDs.
      assert.deepEqual(layers, rootfs.diff_ids);
    });

    it(`umoci lists and unpacks ${name} from an OCI layout`, async () => {
      const layout = join(images.folder, `${name}-layout`);
      const archive = `docker-archive:${archives.get(name)}`;
      await mustRun(["skopeo", "copy", "--insecure-policy", archive, `oci:${layout}:latest`]);
      assert.equal(await mustRun(["umoci", "ls", "--layout", layout]), "latest\n");

      const bundle = join(images.folder, `${name}-bundle`);
      await mustRun(["umoci", "unpack", "--image", `${layout}:latest`, bundle]);
      const program = name === "stacked" ? images.grandchild : images.base;
      for (const path of program.closure) {
        const inImage = join(bundle, "rootfs", path);
        await images.nix.run(["diff", "--recursive", "--no-dereference", path, inImage]);
      }
      if (name === "streamed") {
        const note = await readFile(join(bundle, "rootfs/etc/streamed"), "utf8");
        assert.equal(note, "made for streamed\n");
      }
    });

    it(`a registry takes ${name} from skopeo and gives it back with the same layers`, async () => {
      const archive = `docker-archive:${archives.get(name)}`;
      const place = `docker://${registry.host}/${name}:1`;
      await mustRun(["skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", archive, place]);
      assert.deepEqual(await imageConfig(place, "--tls-verify=false"), await imageConfig(archive));
    });
  }
});
