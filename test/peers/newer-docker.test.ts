/** Loading into a Docker Engine that is newer than the one that test/system has, with each of its stores. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { countEngine } from "../system/support/counted-engine.ts";
import { startImages } from "../system/support/images.ts";
import { noNewerDocker, startNewerDocker } from "./support/newer-docker.ts";

const LARGE = 100_000_000;

/** What the layer that changes, with the shell, has at most. */
const CHANGED = 2_300_000;

const STORES = {
  "graph driver": { first: /^The engine/m, changed: /^The engine was sent 2 of 4 layers/m },
  containerd: {
    first: /^The engine has pulled 4 of 4 layers from varve$/m,
    changed: /^The engine has pulled [12] of 4 layers from varve$/m,
  },
} as const;

describe("a newer Docker Engine", { skip: noNewerDocker || requires("docker", "busybox") }, () => {
  for (const store of ["graph driver", "containerd"] as const) {
    it(`is sent what it lacks, whose images are kept by ${store === "containerd" ? store : `a ${store}`}`, async (t) => {
      const scope = stacked(t);
      const images = await startImages(scope);
      const spec = await images.spec({ name: "app", sizes: [1000, LARGE, 2000] });
      const socket = await startNewerDocker(scope, store);
      const engine = await countEngine(scope, socket);
      const load = async () => {
        const { command, env } = images.command(["build", spec, "--load", "--verbose"]);
        const { code, stderr } = await run(command, { env: { ...env, DOCKER_HOST: engine.host } });
        assert.equal(code, 0, stderr);
        return stderr;
      };
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
