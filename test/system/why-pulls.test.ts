import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import type { ImageComparison } from "#compare";
import type { PlanReport } from "../../src/front/report/plan/report.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { startContainerd } from "./support/containerd.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { startDockerd } from "./support/dockerd.ts";
import { Images } from "./support/images.ts";
import { npmFixture } from "./support/npm-fixture.ts";
import { startPodman } from "./support/podman.ts";
import { realProject } from "./support/real-projects.ts";
import { startRegistry } from "./support/registry.ts";

/** What happens to a project between two builds, and to a package that is in the middle of the layers. */
const CHANGES = ["line", "package"] as const;

/** Projects as they were at two dates, some months apart. */
const PROJECTS = ["fastify", "nest"] as const;

/** What a tar's length is a multiple of. */
const TAR_RECORD = 10_240;

/** How images are pushed: compressed, so that sizes differ from those of tars, but as little as that takes. */
const QUICKLY = ["--quiet", "--compression", "gzip:1", "--push"];

/** More than the headers of the folders around a package take. */
const MOST_AROUND = 16 * 512;

/** An image that was there, and the one that comes after it. */
interface Update {
  readonly old: string;
  readonly new: string;
  readonly cost: ImageComparison["cost"];
  readonly layers: ImageComparison["layers"];
}

describe("what varve why says of a Node project", {
  skip: requires("npm", "registry", "podman", "containerd", "docker"),
}, () => {
  const scope = stacked({ after });
  let images: Images;
  let proxy: CountingProxy;
  const updates = new Map<string, Update>();
  /** What `varve plan --against` said of each project before it was built. */
  const planned = new Map<string, PlanReport>();
  /** A blob, as the registry keeps it. */
  let blob: (digest: string) => Buffer;

  /** Builds what comes after an image, counts what is sent, and asks why. */
  const update = async (
    what: readonly string[],
    name: string,
    { old, new: next }: Pick<Update, "old" | "new">,
  ) => {
    proxy.requests.length = 0;
    await images.varve(["build", ...what, ...QUICKLY, next]);
    const sent = proxy.requests.reduce((sum, request) => sum + request.sent, 0);
    const why = await images.varve(["why", `docker://${old}`, `docker://${next}`, "--json"]);
    const { cost, layers } = JSON.parse(why) as ImageComparison;
    // Be the files in another folder: what is large is compressed to see whether it is there, too.
    assert.equal(sent, cost.sent.bytes + cost.documents, `what is sent of ${next}`);
    updates.set(name, { old, new: next, cost, layers });
    proxy.requests.length = 0;
  };

  before(async () => {
    const folder = await temporaryFolder(scope);
    images = new Images(folder);
    const registry = await startRegistry(scope);
    blob = (digest) => {
      const hash = digest.replace("sha256:", "");
      const blobs = join(registry.storage, "docker/registry/v2/blobs/sha256");
      return readFileSync(join(blobs, hash.slice(0, 2), hash, "data"));
    };
    proxy = await startCountingProxy(scope, registry.host);
    const project = join(folder, "project");
    const copy = async () => {
      rmSync(project, { recursive: true, force: true });
      cpSync(await npmFixture("npm-small"), project, { recursive: true, verbatimSymlinks: true });
    };
    const spec = join(folder, "image.json");
    writeFileSync(spec, JSON.stringify({ name: "app", graph: "project" }));
    await copy();
    const old = `${proxy.host}/app:old`;
    await images.varve(["build", spec, ...QUICKLY, old]);
    for (const change of CHANGES) {
      await copy();
      if (change === "line") writeFileSync(join(project, "index.js"), "// another line\n");
      else writeFileSync(join(project, "node_modules/express/index.js"), "// another version\n");
      await update([spec], change, { old, new: `${proxy.host}/app:${change}` });
    }
    for (const name of PROJECTS) {
      // It is pushed under the same name each time, and keeps to the layout of the image that is there.
      const place = `${proxy.host}/${name}:latest`;
      const options = ["--from", "scratch", "--omit", "dev", "--layers-from", "destination"];
      const [earlier, later] = [await realProject(`${name}-earlier`), await realProject(name)];
      await images.varve(["build", earlier, ...options, ...QUICKLY, place]);
      const { digest } = await images.inspect(`docker://${place}`);
      const plan = ["plan", later, ...options, "--against", `docker://${place}`, "--json"];
      planned.set(name, JSON.parse(await images.varve(plan)) as PlanReport);
      await update([later, ...options], name, { old: `${proxy.host}/${name}@${digest}`, new: place });
    }
  });

  /** The bytes and the number of layers' blobs that were fetched since the last time. */
  const fetched = (name: string) => {
    const digests = new Set(
      proxy.requests
        .filter(({ method, path, status }) => method === "GET" && status === 200 && path.includes("/blobs/"))
        .map(({ path }) => path.slice(path.lastIndexOf("/") + 1)),
    );
    proxy.requests.length = 0;
    const layers = updates.get(name)!.layers.filter(({ digest }) => digests.has(digest));
    return { layers: layers.length, bytes: layers.reduce((sum, { size }) => sum + size, 0) };
  };

  it("is one layer after another line, for each engine, and little more than what has changed", () => {
    const { cost, layers } = updates.get("line")!;
    assert.equal(cost.pulledByGraphDriver.layers, 1);
    assert.deepEqual(cost.pulled, cost.pulledByGraphDriver);
    assert.equal(layers.at(-1)!.state, "changed");
    assert.ok(cost.documents < 10_000, String(cost.documents));
  });

  for (const name of PROJECTS) {
    it(`is what varve plan said of ${name} at a later date, but for what a tar ends with`, () => {
      const { layers, cost } = updates.get(name)!;
      const { against, plan } = planned.get(name)!;
      const [{ sent, layers: compared }] = against as [PlanReport["against"][number]];
      const changed = layers.filter((layer) => layer.sent);
      assert.deepEqual(
        changed.map(({ index }) => index + 1),
        compared.filter(({ there }) => !there).map(({ number }) => number),
      );
      // The layout of what was there is kept to, so that some of it is there still.
      assert.ok(changed.length < layers.length);
      assert.equal(cost.sent.layers, sent.layers);
      let bytes = 0;
      for (const { index, digest } of changed) {
        const { size } = plan.layers[index]!;
        bytes += size;
        // A tar is filled up to a whole number of records, and begins with the folders around what is in it.
        const more = gunzipSync(blob(digest)).length - size;
        assert.ok(more > 0 && more <= TAR_RECORD + MOST_AROUND, `layer ${index + 1}: ${more}`);
      }
      assert.equal(bytes, sent.bytes);
      assert.ok(cost.sent.bytes < sent.bytes);
    });
  }

  it("is what the Docker Engine pulls with a graph driver", async (t) => {
    const { docker } = await startDockerd(t);
    const pull = async (reference: string) => {
      const { code, stderr } = await docker(["pull", "--quiet", reference]);
      assert.equal(code, 0, stderr);
    };
    for (const [name, { old, new: next, cost }] of updates) {
      await pull(old);
      fetched(name);
      await pull(next);
      assert.deepEqual(fetched(name), cost.pulledByGraphDriver, name);
      await docker(["rmi", old, next]);
    }
  });

  it("is what podman pulls", async (t) => {
    const podman = await startPodman(t, images.folder, { driver: "overlay" });
    const pull = (reference: string) => podman("pull", "--quiet", "--tls-verify=false", reference);
    for (const [name, { old, new: next, cost }] of updates) {
      await pull(old);
      fetched(name);
      await pull(next);
      assert.deepEqual(fetched(name), cost.pulled, name);
    }
  });

  it("is what containerd pulls", async (t) => {
    const { ctr } = await startContainerd(t, { snapshotter: "overlayfs" });
    const pull = (reference: string) =>
      ctr("images", "pull", "--plain-http", "--snapshotter", "overlayfs", reference);
    for (const [name, { old, new: next, cost }] of updates) {
      await pull(old);
      fetched(name);
      await pull(next);
      assert.deepEqual(fetched(name), cost.pulled, name);
    }
  });
});
