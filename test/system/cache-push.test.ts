import assert from "node:assert/strict";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { decodeEntries, encodeEntries, openDigestCache } from "#cache";
import { digestOf } from "#oci";
import { filesIn } from "../layers/cache/support/samples.ts";
import { seededBytes } from "../support/drafts.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { type Images, startImages } from "./support/images.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

/** A store path: its name, and whether the graph tells its NAR hash. */
interface StorePath {
  readonly name: string;
  readonly hashed?: boolean;
}

const SIZE = 200_000;

/** Eleven paths whose NAR hashes are known. */
const PATHS: readonly StorePath[] = Array.from({ length: 11 }, (_, index) => ({ name: `path-${index}` }));

interface Written {
  readonly digest: string;
  readonly config: string;
  readonly layers: readonly { readonly digest: string; readonly size: number; readonly outcome: string }[];
}

describe("a push with a digest cache", { skip: requires("registry", "busybox") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;

  before(async () => {
    images = await startImages(scope);
    registry = await startRegistry(scope);
  });

  /** A store in a folder of its own, a cache beside it, and the registry behind a proxy. */
  async function storeWithCache(t: TestContext, fields: object = {}) {
    const folder = await temporaryFolder(t);
    const store = join(folder, "store");
    const cacheDir = join(folder, "cache");
    const proxy = await startCountingProxy(t, registry.host);
    /** Makes these paths. */
    const make = async (paths: readonly StorePath[]) => {
      for (const { name } of paths) {
        await mkdir(join(store, name), { recursive: true });
        await writeFile(join(store, name, "file"), seededBytes(name, SIZE));
      }
    };
    /** Builds an image of paths, whether or not they are there. */
    const build = async (paths: readonly StorePath[], ...options: string[]): Promise<Written[]> => {
      const graph = paths.map(({ name, hashed = true }) => ({
        path: join(store, name),
        references: [],
        ...(hashed ? { narHash: `sha256:${digestOf(Buffer.from(name)).slice("sha256:".length)}` } : {}),
      }));
      await writeFile(join(folder, "graph.json"), JSON.stringify(graph));
      await writeFile(
        join(folder, "spec.json"),
        JSON.stringify({ name: "app", graph: "graph.json", ...fields }),
      );
      const spec = join(folder, "spec.json");
      return JSON.parse(
        await images.varve(["build", spec, "--quiet", "--json", "--cache-dir", cacheDir, ...options]),
      ) as Written[];
    };
    return { folder, store, cacheDir, proxy, make, build };
  }

  const sent = ({ requests }: CountingProxy) => requests.reduce((sum, { sent }) => sum + sent, 0);

  it("of an unchanged image reads no file and takes fewer than 10 requests", async (t) => {
    const { store, proxy, make, build } = await storeWithCache(t);
    const push = ["--push", `${proxy.host}/unchanged:1`];
    await make(PATHS);
    const [first] = await build(PATHS, ...push);
    await rm(store, { recursive: true });
    proxy.requests.length = 0;
    const [again] = await build(PATHS, ...push);
    assert.equal(again!.digest, first!.digest);
    assert.ok(proxy.requests.length < 10, `${proxy.requests.length} requests`);
    assert.equal(sent(proxy), 0);
    await images.varve(["validate", `docker://${proxy.host}/unchanged:1`]);
  });

  it("pulls the layers of a base whose links it follows once, and never again", async (t) => {
    const { proxy, make, build } = await storeWithCache(t, { fakeNss: true });
    const base = `docker://${proxy.host}/base:1`;
    await make(PATHS);
    const [below] = await build(PATHS.slice(0, 2), "--push", base);
    const blobs = new Set(below!.layers.map(({ digest }) => digest));
    const pulled = () =>
      proxy.requests.filter(({ method, path }) => method === "GET" && blobs.has(path.split("/").at(-1)!));
    const push = ["--from", base, "--push", `${proxy.host}/above:1`];
    const [first] = await build(PATHS.slice(2), ...push);
    assert.equal(pulled().length, blobs.size);
    proxy.requests.length = 0;
    const [again] = await build(PATHS.slice(2), ...push);
    assert.equal(again!.digest, first!.digest);
    const [changed] = await build(PATHS.slice(3), ...push);
    assert.notEqual(changed!.digest, first!.digest);
    assert.deepEqual(pulled(), []);
  });

  it("after one path changed reads and sends that path's layer alone", async (t) => {
    const { store, proxy, make, build } = await storeWithCache(t);
    const name = `${proxy.host}/changed:1`;
    await make(PATHS);
    const [first] = await build(PATHS, "--push", name);
    await rm(store, { recursive: true });
    const changed = PATHS.with(5, { name: "path-5b" });
    await make([changed[5]!]);
    proxy.requests.length = 0;
    const [second] = await build(changed, "--push", name);
    const fresh = second!.layers.filter(({ digest }) =>
      first!.layers.every((layer) => layer.digest !== digest),
    );
    assert.equal(fresh.length, 1);
    assert.deepEqual(
      second!.layers.filter(({ outcome }) => outcome === "written"),
      fresh,
    );
    const blobs = proxy.requests.filter(({ method, path }) => method === "PUT" && path.includes("/blobs/"));
    assert.equal(blobs.length, 2, "the layer and the config");
    const bodies = blobs.map(({ sent }) => sent).sort((a, b) => a - b);
    assert.equal(bodies[1], fresh[0]!.size);
    // The rest is the config and the manifest, some kilobytes.
    assert.ok(sent(proxy) - fresh[0]!.size < 10_000, `${sent(proxy)} bytes`);
    await images.varve(["validate", `docker://${name}`]);
  });

  /** Changes what the cache says of blobs; the checksums stay right. */
  async function falsifyBlobs(cacheDir: string, change: { digest: boolean; size: number }): Promise<void> {
    const files = filesIn(cacheDir).filter((file) => file.includes("/blob/"));
    assert.ok(files.length > 0);
    for (const file of files) {
      const [entry] = decodeEntries(await readFile(file)).entries;
      const digest = change.digest ? digestOf(Buffer.from(entry!.digest)) : entry!.digest;
      await writeFile(file, encodeEntries([{ ...entry!, digest, size: entry!.size + change.size }]));
    }
  }

  for (const [what, change] of [
    ["other digests", { digest: true, size: 0 }],
    ["other sizes", { digest: false, size: 1 }],
    ["smaller sizes", { digest: false, size: -1 }],
  ] as const) {
    for (const state of ["lacks", "has"]) {
      it(`of which it has ${what} than are true goes on with the truth, where the registry ${state} them`, async (t) => {
        const { folder, cacheDir, proxy, make, build } = await storeWithCache(t);
        const paths = PATHS.slice(0, 3);
        const name = `${proxy.host}/${change.digest ? "digest" : "size"}${change.size}-${state}:1`.replace(
          "--",
          "-",
        );
        await make(paths);
        const layout = ["--output", `oci:${join(folder, "truth")}:1`];
        const [truth] = await build(paths, ...(state === "has" ? ["--push", name] : layout));
        await falsifyBlobs(cacheDir, change);
        const [pushed] = await build(paths, "--push", name);
        assert.equal(pushed!.digest, truth!.digest);
        await images.varve(["validate", `docker://${name}`]);
        const [again] = await build(paths, "--push", name);
        assert.equal(again!.digest, truth!.digest);
      });
    }
  }

  it("of which it has other digests than are true goes on beside a layout that is written", async (t) => {
    const { folder, cacheDir, proxy, make, build } = await storeWithCache(t);
    const paths = PATHS.slice(0, 3);
    await make(paths);
    const [truth] = await build(paths, "--output", `oci:${join(folder, "truth")}:1`);
    await falsifyBlobs(cacheDir, { digest: true, size: 0 });
    const name = `${proxy.host}/beside:1`;
    const layout = `oci:${join(folder, "layout")}:1`;
    const written = await build(paths, "--push", name, "--output", layout);
    assert.deepEqual(
      written.map(({ digest }) => digest),
      [truth!.digest, truth!.digest],
    );
    for (const place of [`docker://${name}`, layout]) await images.varve(["validate", place]);
  });

  it("on a second machine checks what the first knew of paths with NAR hashes, sends nothing, and knows it, too", async (t) => {
    const { folder, store, cacheDir, proxy, make, build } = await storeWithCache(t);
    const local: StorePath = { name: "local", hashed: false };
    const paths = [...PATHS, local];
    const [name, index] = [`${proxy.host}/fleet:1`, `docker://${proxy.host}/fleet-cache:main`];
    await make(paths);
    // What has changed within two seconds isn't kept at all.
    const { ctimeMs } = await stat(join(store, local.name, "file"));
    while (Date.now() <= ctimeMs + 2100) await setTimeout(50);
    const [first] = await build(paths, "--push", name, "--cache-to", index);
    const knownHere = openDigestCache({ folder: cacheDir, now: Date.now }).info();
    assert.equal(knownHere.entries.layer, paths.length + 1);

    const other = join(folder, "other-cache");
    proxy.requests.length = 0;
    const [second] = await build(paths, "--push", name, "--cache-from", index, "--cache-dir", other);
    assert.equal(second!.digest, first!.digest);
    assert.equal(sent(proxy), 0);
    // What the first machine knew of the path without one didn't come along; all the rest was seen to be true.
    const cache = (folder: string) => openDigestCache({ folder, now: Date.now });
    const [there, here] = [cacheDir, other].map((folder) => [...cache(folder).exportEntries()]);
    assert.deepEqual(here, there);
    assert.equal(here!.filter(({ kind }) => kind === "layer").length, PATHS.length + 1);
    // From now on it needs the files no more than the first.
    await rm(store, { recursive: true });
    const [third] = await build(PATHS, "--cache-dir", other, "--push", name);
    const [fourth] = await build(PATHS, "--push", name);
    assert.equal(third!.digest, fourth!.digest);
  });
});
