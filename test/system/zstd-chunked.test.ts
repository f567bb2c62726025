/** Layers in zstd:chunked: podman fetches the files that it hasn't, and everybody else takes them for plain zstd. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { seededBytes } from "../support/drafts.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { type Images, startImages } from "./support/images.ts";
import { startNewerPodman } from "./support/newer-podman.ts";
import type { Podman } from "./support/podman.ts";
import { startPodman } from "./support/podman.ts";
import { startRegistry } from "./support/registry.ts";

const MB = 1_000_000;

interface Written {
  readonly digest: string;
  readonly layers: readonly { readonly digest: string; readonly size: number; readonly outcome: string }[];
}

describe("an image in zstd:chunked", { skip: requires("registry", "podman", "debianPackages") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let proxy: CountingProxy;
  let tree: string;
  let newer: Podman;
  let storage: string;

  before(async () => {
    images = await startImages(scope);
    proxy = await startCountingProxy(scope, (await startRegistry(scope)).host);
    ({ podman: newer, storage } = await startNewerPodman(scope));
    tree = join(images.folder, "tree/data");
    await mkdir(tree, { recursive: true });
    await writeFile(join(tree, "large"), seededBytes("large", 90 * MB));
    for (let at = 0; at < 500; at++) await writeFile(join(tree, `file-${at}`), seededBytes(`${at}`, 20_000));
    await writeFile(join(tree, "small"), "one\n");
  });

  const build = async (tag: string, ...options: string[]): Promise<Written> => {
    const spec = join(images.folder, "spec.json");
    await writeFile(spec, JSON.stringify({ name: "app", tag, copyToRoot: [join(images.folder, "tree")] }));
    const push = ["--push", `${proxy.host}/app:${tag}`, "--compression", "zstd:chunked", "--json"];
    const [written] = JSON.parse(
      await images.varve(["build", spec, "--from", "scratch", ...push, ...options]),
    );
    return written;
  };
  const pull = async (tag: string): Promise<number> => {
    proxy.requests.length = 0;
    await newer("pull", "--quiet", "--tls-verify=false", `${proxy.host}/app:${tag}`);
    return proxy.requests.reduce((sum, { received }) => sum + received, 0);
  };
  /** What a podman has of a file, in each of its layers. */
  const unpacked = (name: string) =>
    globSync(join(storage, "root/overlay/*/diff/data", name)).map((path) => readFileSync(path));

  it("is pulled by podman, and of the next one only the file that is another", async () => {
    await build("1");
    assert.ok((await pull("1")) > 100 * MB);
    await writeFile(join(tree, "small"), "two\n");
    await build("2");
    const received = await pull("2");
    assert.ok(received < 2 * MB, `${received} bytes`);
    assert.deepEqual(unpacked("small").map(String).sort(), ["one\n", "two\n"]);
    const large = seededBytes("large", 90 * MB);
    assert.deepEqual(
      unpacked("large").map((bytes) => bytes.equals(large)),
      [true, true],
    );
  });

  it("is the same bytes twice, and is known afterwards", async () => {
    const first = await build("3");
    const again = await build("4", "--no-cache");
    const digests = ({ layers }: Written) => layers.map(({ digest }) => digest);
    assert.deepEqual(digests(again), digests(first));
    proxy.requests.length = 0;
    assert.equal((await build("5")).digest, first.digest);
    const sent = proxy.requests.reduce((sum, request) => sum + request.sent, 0);
    assert.ok(sent < 10_000, `${sent} bytes`);
  });

  it("is read as plain zstd by an older podman and by varve", async () => {
    await images.varve(["validate", `docker://${proxy.host}/app:2`]);
    const podman = await startPodman(scope, images.folder);
    await podman("pull", "--quiet", "--tls-verify=false", `${proxy.host}/app:2`);
    assert.match(
      await podman("image", "inspect", `${proxy.host}/app:2`, "--format", "{{.Size}}"),
      /^1\d{8}\n$/,
    );
  });

  it("is made of another image by copying it, and then taken as it is", async () => {
    const plain = `docker://${proxy.host}/app:plain`;
    const copied = `docker://${proxy.host}/app:copied`;
    await images.varve(["copy", "--quiet", `docker://${proxy.host}/app:2`, plain, "--compression", "gzip"]);
    const convert = ["copy", "--quiet", "--compression", "zstd:chunked"];
    await images.varve([...convert, plain, copied]);
    const [chunked, original] = [
      await images.inspect(copied),
      await images.inspect(`docker://${proxy.host}/app:2`),
    ];
    assert.deepEqual(chunked.layers, original.layers);
    proxy.requests.length = 0;
    await images.varve([...convert, copied, `docker://${proxy.host}/app:again`]);
    const read = proxy.requests.reduce((sum, { received }) => sum + received, 0);
    assert.ok(read < 10_000, `${read} bytes`);
  });
});
