import assert from "node:assert/strict";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ImageComparison } from "#compare";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { startContainerd } from "./support/containerd.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { startDockerd } from "./support/dockerd.ts";
import { Images } from "./support/images.ts";
import { npmFixture } from "./support/npm-fixture.ts";
import { startPodman } from "./support/podman.ts";
import { startRegistry } from "./support/registry.ts";

/** What happens to a project between two builds, and to a package that is in the middle of the layers. */
const CHANGES = ["line", "package"] as const;

describe("what varve why says of a Node project", {
  skip: requires("npm", "registry", "podman", "containerd", "docker"),
}, () => {
  const scope = stacked({ after });
  let images: Images;
  let proxy: CountingProxy;
  /** By change: the comparison with the first image, and the digests of the new one's layers. */
  const found = new Map<string, { cost: ImageComparison["cost"]; layers: ImageComparison["layers"] }>();
  const reference = (tag: string) => `${proxy.host}/app:${tag}`;

  before(async () => {
    const folder = await temporaryFolder(scope);
    images = new Images(folder);
    const registry = await startRegistry(scope);
    proxy = await startCountingProxy(scope, registry.host);
    const project = join(folder, "project");
    const copy = async () => {
      rmSync(project, { recursive: true, force: true });
      cpSync(await npmFixture("npm-small"), project, { recursive: true, verbatimSymlinks: true });
    };
    const spec = join(folder, "image.json");
    writeFileSync(spec, JSON.stringify({ name: "app", graph: "project" }));
    await copy();
    await images.varve(["build", spec, "--quiet", "--push", reference("old")]);
    for (const change of CHANGES) {
      await copy();
      if (change === "line") writeFileSync(join(project, "index.js"), "// another line\n");
      else writeFileSync(join(project, "node_modules/express/index.js"), "// another version\n");
      proxy.requests.length = 0;
      await images.varve(["build", spec, "--quiet", "--push", reference(change)]);
      const sent = proxy.requests.reduce((sum, request) => sum + request.sent, 0);
      const why = await images.varve([
        "why",
        `docker://${reference("old")}`,
        `docker://${reference(change)}`,
        "--json",
      ]);
      const { cost, layers } = JSON.parse(why) as ImageComparison;
      assert.equal(sent, cost.sent.bytes + cost.documents, `what is sent after another ${change}`);
      found.set(change, { cost, layers });
    }
    proxy.requests.length = 0;
  });

  /** The bytes and the number of layers' blobs that were fetched since the last time. */
  const fetched = (change: string) => {
    const digests = new Set(
      proxy.requests
        .filter(({ method, path, status }) => method === "GET" && status === 200 && path.includes("/blobs/"))
        .map(({ path }) => path.slice(path.lastIndexOf("/") + 1)),
    );
    proxy.requests.length = 0;
    const layers = found.get(change)!.layers.filter(({ digest }) => digests.has(digest));
    return { layers: layers.length, bytes: layers.reduce((sum, { size }) => sum + size, 0) };
  };

  it("is one layer after another line, for each engine, and little more than what has changed", () => {
    const { cost, layers } = found.get("line")!;
    assert.equal(cost.pulledByGraphDriver.layers, 1);
    assert.deepEqual(cost.pulled, cost.pulledByGraphDriver);
    assert.equal(layers.at(-1)!.state, "changed");
    assert.ok(cost.documents < 10_000, String(cost.documents));
  });

  it("is what the Docker Engine pulls with a graph driver", async (t) => {
    const { docker } = await startDockerd(t);
    const pull = async (tag: string) => {
      const { code, stderr } = await docker(["pull", "--quiet", reference(tag)]);
      assert.equal(code, 0, stderr);
    };
    for (const change of CHANGES) {
      await pull("old");
      fetched(change);
      await pull(change);
      assert.deepEqual(fetched(change), found.get(change)!.cost.pulledByGraphDriver);
      await docker(["rmi", reference("old"), reference(change)]);
    }
  });

  it("is what podman pulls", async (t) => {
    const podman = await startPodman(t, images.folder);
    await podman("pull", "--quiet", "--tls-verify=false", reference("old"));
    for (const change of CHANGES) {
      fetched(change);
      await podman("pull", "--quiet", "--tls-verify=false", reference(change));
      assert.deepEqual(fetched(change), found.get(change)!.cost.pulled);
    }
  });

  it("is what containerd pulls", async (t) => {
    const { ctr } = await startContainerd(t);
    const pull = (tag: string) =>
      ctr("images", "pull", "--plain-http", "--snapshotter", "native", reference(tag));
    await pull("old");
    for (const change of CHANGES) {
      fetched(change);
      await pull(change);
      assert.deepEqual(fetched(change), found.get(change)!.cost.pulled);
    }
  });
});
