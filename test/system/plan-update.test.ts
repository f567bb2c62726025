import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { PlanReport } from "../../src/front/report/plan/report.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { type Tree, writeTree } from "../support/tree.ts";
import { startContainerd } from "./support/containerd.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { startDockerd } from "./support/dockerd.ts";
import { Images } from "./support/images.ts";
import { startPodman } from "./support/podman.ts";
import { startRegistry } from "./support/registry.ts";

/** What the application needs, and how large each is; `leaf` is needed by nothing else. */
const STORE = {
  libc: [900_000],
  crypto: [400_000, "libc"],
  zlib: [120_000, "libc"],
  curl: [300_000, "libc", "crypto", "zlib"],
  git: [700_000, "libc", "curl", "zlib"],
  python: [1_500_000, "libc", "crypto", "zlib"],
  numpy: [800_000, "python"],
  data: [2_000_000],
  fonts: [350_000],
  icons: [250_000],
  shell: [200_000, "libc"],
  tools: [150_000, "libc", "shell"],
  tls: [60_000],
  locale: [500_000],
  jpeg: [180_000, "libc"],
  png: [140_000, "libc", "zlib"],
  image: [260_000, "jpeg", "png"],
  leaf: [130_000, "libc"],
  app: [90_000, "git", "numpy", "data", "fonts", "icons", "tools", "tls", "locale", "image", "leaf"],
} as const satisfies Record<string, readonly [number, ...string[]]>;

/** What both images have is made once. */
function writeTreeOnce(path: string, tree: Tree): void {
  if (!existsSync(path)) writeTree(path, tree);
}

/** Another hash for each version of a component. */
const storeName = (name: string, version: number) =>
  `${`${version}${name}`.padEnd(32, "0").replace(/[eotu]/g, "x")}-${name}-1.${version}`;

describe("an update that was planned", {
  skip: requires("registry", "podman", "containerd", "docker"),
}, () => {
  const scope = stacked({ after });
  let images: Images;
  let proxy: CountingProxy;
  const specs: string[] = [];
  /** Numbers of the image's layers that the plan says are sent; the customisation layer, which isn't planned, is added. */
  let sent: number[];
  /** The digests of the new image's layers, the lowest first. */
  let layers: readonly string[];

  /** The graph of some of the store's paths, of which some have another version, in a file. */
  const writeGraph = async (
    file: string,
    { names, changed = [] }: { names: readonly (keyof typeof STORE)[]; changed?: readonly string[] },
  ) => {
    const path = (name: string) =>
      `${images.folder}/store/${storeName(name, changed.includes(name) ? 2 : 1)}`;
    writeTreeOnce(`${images.folder}/store`, { dir: {} });
    const graph = names.map((name) => {
      const [size, ...references]: readonly [number, ...string[]] = STORE[name];
      const content = changed.includes(name) ? "y".repeat(size) : size;
      writeTreeOnce(path(name), { dir: { [name]: { file: content } } });
      return { path: path(name), references: references.map(path) };
    });
    await writeFile(file, JSON.stringify(graph));
    return path;
  };

  before(async () => {
    const folder = await temporaryFolder(scope);
    images = new Images(folder);
    // The second image has another leaf, and so another application.
    for (const changed of [[], ["leaf", "app"]]) {
      const name = `${folder}/${specs.length + 1}`;
      const names = Object.keys(STORE) as (keyof typeof STORE)[];
      const path = await writeGraph(`${name}.graph.json`, { names, changed });
      const spec = {
        name: "shop",
        tag: String(specs.length + 1),
        graph: `${name}.graph.json`,
        contents: [path("app")],
      };
      await writeFile(`${name}.json`, JSON.stringify(spec));
      specs.push(`${name}.json`);
    }
    const registry = await startRegistry(scope);
    proxy = await startCountingProxy(scope, registry.host);
    const reference = (tag: string) => `docker://${proxy.host}/shop:${tag}`;
    await images.varve(["build", specs[0]!, "--quiet", "--push", `${proxy.host}/shop:1`]);
    const planned = await images.varve(["plan", specs[1]!, "--against", reference("1"), "--json"]);
    const { plan, against } = JSON.parse(planned) as PlanReport;
    const unsent = against[0]!.layers.filter(({ there }) => there).map(({ number }) => number);
    assert.equal(unsent.length, plan.layers.length - 2);
    sent = [...plan.layers.map(({ number }) => number), plan.layers.length + 1].filter(
      (number) => !unsent.includes(number),
    );
    proxy.requests.length = 0;
    await images.varve(["build", specs[1]!, "--quiet", "--push", `${proxy.host}/shop:2`]);
    layers = (await images.inspect(reference("2"))).layers.map(({ digest }) => digest);
  });

  /** The digests of the blobs that were pushed since the last time. */
  const pushed = () =>
    proxy.requests
      .filter(({ method, status }) => method === "PUT" && status === 201)
      .flatMap(({ path }) => /digest=([^&]*)/.exec(path)?.[1] ?? [])
      .map(decodeURIComponent);

  /** The digests of the layers' blobs that were fetched whole since the last time. */
  const fetched = () => {
    const digests = proxy.requests
      .filter(({ method, path, status }) => method === "GET" && status === 200 && path.includes("/blobs/"))
      .map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
    proxy.requests.length = 0;
    return numbers(digests);
  };
  const numbers = (digests: readonly string[]) =>
    layers.flatMap((digest, at) => (digests.includes(digest) ? [at + 1] : []));

  it("sends the layers of the leaf and of the application, and what is in the root", () => {
    assert.equal(sent.length, 3);
    assert.deepEqual(numbers(pushed()), sent);
    proxy.requests.length = 0;
  });

  it("has layers of an image in another repository as they are, with --shared-with, and has the registry mount these", async () => {
    const graph = `${images.folder}/api.graph.json`;
    const path = await writeGraph(graph, { names: ["libc", "crypto", "zlib", "python", "numpy"] });
    const spec = `${images.folder}/api.json`;
    // Three layers beside that of what is in the root.
    await writeFile(spec, JSON.stringify({ name: "api", graph, contents: [path("numpy")], maxLayers: 4 }));
    const shop = `docker://${proxy.host}/shop:1`;
    const planned = async (...options: string[]) => {
      const plan = await images.varve(["plan", spec, "--against", shop, "--json", ...options]);
      return (JSON.parse(plan) as PlanReport).against[0]!;
    };
    const [apart, shared] = [await planned(), await planned("--shared-with", shop)];
    assert.ok(shared.there.bytes > apart.there.bytes, `${shared.there.bytes}, ${apart.there.bytes}`);
    proxy.requests.length = 0;
    const api = `${proxy.host}/api:1`;
    await images.varve(["build", spec, "--quiet", "--shared-with", shop, "--push", api]);
    const own = (await images.inspect(`docker://${api}`)).layers.map(({ digest }) => digest);
    const there = new Set((await images.inspect(shop)).layers.map(({ digest }) => digest));
    assert.deepEqual(
      own.flatMap((digest, at) => (there.has(digest) ? [at + 1] : [])),
      shared.layers.filter((layer) => layer.there).map(({ number }) => number),
    );
    const sent = new Set(pushed());
    assert.deepEqual(
      own.filter((digest) => sent.has(digest)),
      own.filter((digest) => !there.has(digest)),
    );
    const mounted = proxy.requests.filter(({ path, status }) => path.includes("from=shop") && status === 201);
    assert.equal(mounted.length, own.filter((digest) => there.has(digest)).length);
    proxy.requests.length = 0;
  });

  it("is fetched as planned by podman", async (t) => {
    const podman = await startPodman(t, images.folder);
    await podman("pull", "--quiet", "--tls-verify=false", `${proxy.host}/shop:1`);
    assert.equal(fetched().length, layers.length - sent.length);
    await podman("pull", "--quiet", "--tls-verify=false", `${proxy.host}/shop:2`);
    assert.deepEqual(fetched(), sent);
  });

  it("is fetched as planned by containerd", async (t) => {
    const { ctr } = await startContainerd(t);
    const pull = (tag: string) =>
      ctr("images", "pull", "--plain-http", "--snapshotter", "native", `${proxy.host}/shop:${tag}`);
    await pull("1");
    assert.equal(fetched().length, layers.length - sent.length);
    await pull("2");
    assert.deepEqual(fetched(), sent);
  });

  it("is fetched from its lowest layer up by the graph drivers of the Docker Engine", async (t) => {
    const { docker } = await startDockerd(t);
    const pull = async (tag: string) => {
      const { code, stderr } = await docker(["pull", "--quiet", `${proxy.host}/shop:${tag}`]);
      assert.equal(code, 0, stderr);
    };
    await pull("1");
    assert.equal(fetched().length, layers.length - sent.length);
    await pull("2");
    const above = layers.map((_, at) => at + 1).filter((number) => number >= Math.min(...sent));
    assert.deepEqual(fetched(), above);
  });
});
