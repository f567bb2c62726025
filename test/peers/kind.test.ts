/** Loading into a cluster of kind's, with the real kind, and containerd and crictl in the versions of its nodes. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { requires } from "../support/systems.ts";
import { type Scope, stacked } from "../support/tmp.ts";
import { startCountingProxy } from "../system/support/counting-proxy.ts";
import { startDockerd } from "../system/support/dockerd.ts";
import { type Images, startImages } from "../system/support/images.ts";
import { startService } from "../system/support/service.ts";
import { type KindCluster, startKindCluster } from "./support/kind.ts";
import { noNewerDocker, startCurrentDocker, startNewerDocker } from "./support/newer-docker.ts";

/** The name by which a pod asks for `app:1`. */
const NAME = "docker.io/library/app:1";

const LARGE = 3_000_000;

/** What the layer that changes, with the shell, has at most. */
const CHANGED = 2_300_000;

interface Engine {
  readonly name: string;
  readonly skip?: string | false;
  /** Whether kind can tell that a node has an image, which it goes by the engine's ID of it. */
  readonly isTold: boolean;
  /** Whether the engine says that it lacks blobs of an image; those that don't make an archive without them for kind. */
  readonly tells: boolean;
  start(scope: Scope): Promise<string>;
}

const ENGINES: readonly Engine[] = [
  {
    ...{ name: "Docker Engine 20.10", isTold: true, tells: true },
    start: async (scope) => (await startDockerd(scope)).socket,
  },
  {
    ...{ name: "Docker Engine 26.1 with a graph driver", skip: noNewerDocker, isTold: true, tells: true },
    start: (scope) => startNewerDocker(scope, "graph driver"),
  },
  {
    ...{ name: "Docker Engine 26.1 with containerd's image store", skip: noNewerDocker },
    ...{ isTold: false, tells: false },
    start: (scope) => startNewerDocker(scope, "containerd"),
  },
  {
    ...{ name: "Docker Engine 29", isTold: false, tells: true },
    start: (scope) => startCurrentDocker(scope, "containerd"),
  },
];

const ARCHIVES: readonly { what: string; format: string; options?: readonly string[] }[] = [
  { what: "a docker-archive", format: "docker-archive" },
  { what: "an oci-archive", format: "oci-archive" },
  { what: "an oci-archive with zstd", format: "oci-archive", options: ["--compression", "zstd"] },
  {
    ...{ what: "an oci-archive for several platforms", format: "oci-archive" },
    options: ["--platform", "linux/amd64,linux/arm64"],
  },
];

/** The file in the image that changes. */
const fileIn = ({ folder }: Images) => join(folder, "app-store/app-0/share/data");

for (const { name, skip, isTold, tells, start } of ENGINES) {
  describe(`a cluster of kind in ${name}`, { skip: (skip ?? false) || requires("docker", "busybox") }, () => {
    const scope = stacked({ after });
    let images: Images;
    let cluster: KindCluster;
    let spec: string;
    let env: Record<string, string>;

    const build = (...args: string[]) => images.varve(["build", spec, "--quiet", ...args], { env });
    const kind = async (...args: string[]) => {
      const { code, stderr } = await cluster.kind(...args);
      assert.equal(code, 0, stderr);
      return stderr;
    };
    /** Asserts that the node has the image as varve makes it now, and that it runs. */
    const assertThere = async (content: string) => {
      const archive = join(images.folder, "expected.tar");
      await build("--output", `docker-archive:${archive}`);
      const { id, repoTags } = await cluster.image(NAME);
      assert.equal(id, (await images.inspect(`docker-archive:${archive}`)).config);
      assert.deepEqual(repoTags, [NAME]);
      assert.equal((await cluster.check(NAME)).isComplete, true);
      assert.equal(await cluster.output(NAME, "/bin/busybox", "cat", fileIn(images)), content);
    };

    before(async () => {
      images = await startImages(scope);
      spec = await images.spec({ name: "app", sizes: [1000, 300_000, 2000] });
      const socket = await start(scope);
      env = { DOCKER_HOST: `unix://${socket}` };
      cluster = await startKindCluster(scope, socket);
    });

    it("has the image that was loaded into the engine and then by kind, and the changed one after it", async () => {
      for (const content of ["first", "changed"]) {
        await writeFile(fileIn(images), content);
        await build("--load");
        assert.match(await kind("load", "docker-image", "app:1"), /not yet present on node/);
        await assertThere(content);
      }
    });

    if (isTold)
      it("isn't sent the image that it has", async () => {
        await build("--load");
        assert.match(await kind("load", "docker-image", "app:1"), /already present on all nodes/);
      });

    if (tells)
      it("has an image whose layers the engine had in another compression", async () => {
        await writeFile(fileIn(images), "compressed");
        await build("--load");
        const archive = join(images.folder, "image.tar");
        await build("--output", `oci-archive:${archive}`, "--compression", "zstd");
        await images.varve(["load", "--quiet", `oci-archive:${archive}`], { env });
        await kind("load", "docker-image", "app:1");
        await assertThere("compressed");
      });

    for (const { what, format, options = [] } of ARCHIVES) {
      it(`has the image of ${what} that varve has written, without the engine`, async () => {
        await writeFile(fileIn(images), what);
        const archive = join(images.folder, "image.tar");
        await build("--output", `${format}:${archive}`, ...options);
        await kind("load", "image-archive", archive);
        await assertThere(what);
        const { digest } = await images.inspect(`${format}:${archive}`);
        // A docker-archive has no manifest, and where there is an index, that is what the node knows.
        if (digest !== undefined && options[0] !== "--platform")
          assert.equal((await cluster.check(NAME)).digest, digest);
      });
    }
  });
}

describe("a node of kind that pulls from varve serve", { skip: requires("docker", "busybox") }, () => {
  it("fetches the layers that have changed", async (t) => {
    const scope = stacked(t);
    const images = await startImages(scope);
    const spec = await images.spec({ name: "app", sizes: [1000, LARGE, 2000] });
    const cluster = await startKindCluster(scope, (await startDockerd(scope)).socket, "host");
    const name = "localhost:5000/app:latest";
    const received: number[] = [];
    for (const content of ["first", "changed"]) {
      await writeFile(fileIn(images), content);
      const { command, env } = images.command(["serve", spec, "--listen", "0"]);
      const service = await startService({
        ...{ command, env, logFile: join(images.folder, "log") },
        ready: (log) => log.includes("Try:"),
      });
      scope.after(() => service.stop());
      const [, port] = /^Listening on localhost:(\d+);/m.exec(service.log())!;
      const proxy = await startCountingProxy(scope, `127.0.0.1:${port}`);
      await cluster.mirror("localhost:5000", `http://${proxy.host}`);
      await cluster.node("crictl", "pull", name);
      assert.equal(await cluster.output(name, "/bin/busybox", "cat", fileIn(images)), content);
      received.push(proxy.requests.reduce((sum, each) => sum + each.received, 0));
    }
    const [first = 0, second = 0] = received;
    assert.ok(first > LARGE && second > 0 && second < CHANGED, `${first} and ${second} bytes were fetched`);
  });
});
