/** Loading into a Docker Engine that is newer than the one that test/system has, with each of its stores. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type CountedEngine, countEngine } from "../system/support/counted-engine.ts";
import { type Images, startImages } from "../system/support/images.ts";
import { noNewerDocker, startCurrentDocker, startNewerDocker } from "./support/newer-docker.ts";

const LARGE = 100_000_000;

/** What the layer that changes, with the shell, has at most. */
const CHANGED = 2_300_000;

/** What is sent where nothing is lacking has at most. */
const NONE = 20_000;

const STORES = {
  "graph driver": { first: /^The engine/m, changed: /^The engine was sent 2 of 4 layers/m },
  containerd: {
    first: /^The engine has pulled 4 of 4 layers from varve$/m,
    changed: /^The engine has pulled [12] of 4 layers from varve$/m,
  },
} as const;

const ENGINES = [
  { version: "26.1", skip: noNewerDocker, start: startNewerDocker },
  { version: "29", skip: false, start: startCurrentDocker },
];

for (const { version, skip, start } of ENGINES) {
  describe(`Docker Engine ${version}`, { skip: skip || requires("docker", "busybox") }, () => {
    for (const store of ["graph driver", "containerd"] as const) {
      it(`is sent what it lacks, whose images are kept by ${store === "containerd" ? store : `a ${store}`}`, async (t) => {
        const scope = stacked(t);
        const images = await startImages(scope);
        const spec = await images.spec({ name: "app", sizes: [1000, LARGE, 2000] });
        const socket = await start(scope, store);
        const engine = await countEngine(scope, socket);
        const load = () => loaded(images, ["build", spec, "--load"], engine);
        const docker = (...args: string[]) => mustRun(["docker", "--host", `unix://${socket}`, ...args]);
        const output = (...args: string[]) => docker("run", "--rm", "--network", "none", "app:1", ...args);

        const first = await load();
        if (store === "containerd") assert.match(first, STORES.containerd.first);
        assert.equal(await output(), "Hello from app\n");

        engine.sent();
        const file = join(images.folder, "app-store/app-0/share/data");
        await writeFile(file, "changed");
        assert.match(await load(), STORES[store].changed);
        assert.ok(engine.sent() < CHANGED);
        assert.equal(await output("/bin/busybox", "cat", file), "changed");
        const names = await docker("images", "--format", "{{.Repository}}:{{.Tag}}");
        assert.deepEqual(
          names.split("\n").filter((name) => name !== "" && !name.includes("<none>")),
          ["app:1"],
        );
      });
    }
  });
}

describe("a newer Docker Engine whose images are kept by containerd", {
  skip: requires("docker", "busybox"),
}, () => {
  it("gets all of an image whose layers it has in another compression, once", async (t) => {
    const scope = stacked(t);
    const images = await startImages(scope);
    const spec = await images.spec({ name: "app", sizes: [1000, 300_000, 2000] });
    const socket = await startCurrentDocker(scope, "containerd");
    const engine = await countEngine(scope, socket);
    await loaded(images, ["build", spec, "--load"], engine);
    const archive = join(images.folder, "app.tar");
    await images.varve([
      "build",
      spec,
      "--quiet",
      "--output",
      `oci-archive:${archive}`,
      "--compression",
      "zstd",
    ]);

    const load = () => loaded(images, ["load", `oci-archive:${archive}`], engine);
    assert.match(await load(), /^The engine is sent all layers$/m);
    const saved = join(images.folder, "saved.tar");
    await mustRun(["docker", "--host", `unix://${socket}`, "save", "--output", saved, "app:1"]);
    await images.varve(["validate", `oci-archive:${saved}`]);
    const { digest } = await images.inspect(archive);
    assert.equal((await images.inspect(`oci-archive:${saved}`)).digest, digest);

    engine.sent();
    assert.match(await load(), /^The engine has pulled 0 of 4 layers from varve$/m);
    assert.ok(engine.sent() < NONE);
  });
});

/** What varve says of the way that an image took into an engine. */
async function loaded(images: Images, args: readonly string[], { host }: CountedEngine): Promise<string> {
  const { command, env } = images.command([...args, "--verbose"]);
  const { code, stderr } = await run(command, { env: { ...env, DOCKER_HOST: host } });
  assert.equal(code, 0, stderr);
  return stderr;
}
