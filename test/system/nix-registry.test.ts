import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { ImageLock } from "#app";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { type NixExamples, startNixExamples } from "./support/nix-examples.ts";
import { startRegistry } from "./support/registry.ts";

const packages = fileURLToPath(new URL("../../examples/nix/packages.nix", import.meta.url));
const debs = fileURLToPath(new URL("../../examples/nix/debs", import.meta.url));

/** The packages with another hello. */
const CHANGED = `let p = import ${packages} { debs = ${debs}; }; in p // {
  hello = p.runCommand "hello" { } ''
    mkdir -p $out/bin
    cp \${p.hello}/bin/hello $out/bin/hello
    echo another >$out/version
  '';
}`;

describe("Nix functions and a real registry", {
  skip: requires("nix", "docker", "registry", "debianPackages"),
}, () => {
  const scope = stacked({ after });
  let examples: NixExamples;
  let docker: Dockerd;
  let proxy: CountingProxy;

  before(async () => {
    examples = await startNixExamples(scope, [
      ...["bash", "layered-image", "no-store-paths"],
      ...["pushBash", "pushLayered"],
    ]);
    docker = await startDockerd(scope);
    proxy = await startCountingProxy(scope, (await startRegistry(scope)).host);
  });

  /** Runs a program that pushes; what it asked of the registry. */
  async function push(program: string, ...references: string[]) {
    proxy.requests.length = 0;
    await examples.nix.run([program, ...references, "--quiet"]);
    const uploads = proxy.requests.filter(
      ({ method, path, sent }) => /\/blobs\/uploads\//.test(path) && method !== "POST" && sent > 0,
    );
    const manifests = proxy.requests.filter(
      ({ method, path }) => method === "PUT" && /\/manifests\//.test(path),
    );
    const bytes = proxy.requests.reduce((sum, { sent }) => sum + sent, 0);
    return {
      blobs: new Set(uploads.map(({ path }) => path.split("?")[0])).size,
      manifests: manifests.length,
      bytes,
    };
  }

  async function loaded(reference: string): Promise<string> {
    await docker.docker(["pull", "--quiet", reference]);
    return (await docker.inspect(reference)).Id;
  }

  it("pushes from the store the image that the archive is", async () => {
    const reference = `${proxy.host}/layered:1`;
    const layers = JSON.parse(await confOf("layered-image")).store_layers.length + 1;
    const { blobs, manifests } = await push(examples.get("pushLayered").out, reference);
    assert.deepEqual({ blobs, manifests }, { blobs: layers + 1, manifests: 1 });
    const image = await examples.load(docker, "layered-image");
    assert.equal(await loaded(reference), (await docker.inspect(image)).Id);

    await push(examples.get("pushBash").out, `${proxy.host}/bash:1`);
    const bash = await examples.load(docker, "bash");
    assert.equal(await loaded(`${proxy.host}/bash:1`), (await docker.inspect(bash)).Id);
  });

  async function confOf(attribute: string): Promise<string> {
    const conf = (await examples.evaluate(`toString examples.${attribute}.conf`)) as string;
    return await readFile(examples.outside(conf), "utf8");
  }

  it("builds after a change what depends on it and nothing else, and sends only the layers that changed", async () => {
    const reference = `${proxy.host}/changing:1`;
    const first = await push(examples.get("pushLayered").out, reference);
    const options = ["--arg", "pkgs", CHANGED];
    const { stderr } = await examples.tryBuild("pushLayered", [...options, "--dry-run"]);
    const names = [...stderr.matchAll(/^ {2}\/nix\/store\/[^-]+-(.*)\.drv$/gm)]
      .map(([, name]) => name)
      .sort();
    assert.deepEqual(names, [
      "hello",
      "layered-image-base.json",
      "layered-image-conf.json",
      "layered-image-customisation-layer",
      "push-layered-image",
    ]);

    const changed = (await examples.build(["pushLayered"], options)).get("pushLayered")!;
    const second = await push(changed.out, reference);
    // hello's layer and the one with links to it, and the config.
    assert.deepEqual({ blobs: second.blobs, manifests: second.manifests }, { blobs: 3, manifests: 1 });
    assert.ok(second.bytes * 10 < first.bytes, `${second.bytes} of ${first.bytes} bytes`);
    await docker.docker(["pull", "--quiet", reference]);
    assert.equal(await docker.output(reference), "Hello, world!\n");
    assert.equal(await docker.output(reference, ["cat", "/version"]), "another\n");

    // And again, under two names: nothing but the manifest under the new one.
    const again = [reference, reference.replace(/1$/, "2")] as const;
    const third = await push(changed.out, ...again);
    assert.deepEqual({ blobs: third.blobs, manifests: third.manifests }, { blobs: 0, manifests: 1 });
    assert.equal(await loaded(again[1]), await loaded(again[0]));
  });

  it("4, 7: pulls an image by its digest, and builds on top of it", async () => {
    const reference = `${proxy.host}/base:1`;
    const source = `docker-archive:${examples.outside(examples.get("no-store-paths").out)}`;
    await mustRun([...builtCommand, "push", source, reference]);
    const [{ digest }] = JSON.parse(
      await mustRun([
        ...builtCommand,
        "copy",
        "--json",
        `docker://${reference}`,
        `oci:${join(examples.folder, "base")}:1`,
      ]),
    ) as [{ digest: string }];
    const archive = join(examples.folder, "base.tar");
    const image = `${proxy.host}/base`;
    await mustRun([...builtCommand, "pull", `${image}@${digest}`, `docker-archive:${archive}:pulled:1`]);
    const sha256 = createHash("sha256")
      .update(await readFile(archive))
      .digest("hex");
    const pulled = (hash: string) => [
      "--arg",
      "pulled",
      `{ imageName = "${image}"; imageDigest = "${digest}"; sha256 = "${hash}"; }`,
    ];

    const built = await examples.build(
      ["nixFromDockerHub", "testNixFromDockerHub", "onTopOfPulledImage"],
      pulled(sha256),
    );
    const again = [built.get("nixFromDockerHub")!, built.get("testNixFromDockerHub")!].map(({ out }) => out);
    assert.notEqual(again[0], again[1]);
    assert.ok((await readFile(examples.outside(again[1]!))).equals(await readFile(archive)));
    const base = await examples.load(docker, built.get("nixFromDockerHub")!);
    assert.equal(base, "pulled:1");
    assert.match(await docker.output(base, ["busybox"]), /^BusyBox/);
    const onTop = await examples.load(docker, built.get("onTopOfPulledImage")!);
    assert.equal(onTop, "ontopofpulledimage:latest");
    assert.equal(await docker.output(onTop, ["hello"]), "Hello, world!\n");
    assert.deepEqual(
      (await docker.inspect(onTop)).RootFS.Layers.slice(0, -1),
      (await docker.inspect(base)).RootFS.Layers,
    );

    // The same image, of a file that pins it.
    const lock = join(examples.folder, "base.lock.json");
    await mustRun([...builtCommand, "lock", reference, "--output", lock]);
    proxy.requests.length = 0;
    const locked = await examples.build(["onTopOfLockedImage"], ["--arg", "locked", lock]);
    const blobs = () => proxy.requests.filter(({ path }) => /\/blobs\//.test(path)).map(({ path }) => path);
    const { config, layers } = JSON.parse(await readFile(lock, "utf8")) as ImageLock;
    assert.deepEqual(
      blobs().sort(),
      [config, ...layers].map((blob) => `/v2/base/blobs/${blob.digest}`).sort(),
    );
    const onLocked = await docker.inspect(await examples.load(docker, locked.get("onTopOfLockedImage")!));
    const onPulled = await docker.inspect(onTop);
    assert.deepEqual([onLocked.RootFS, onLocked.Config], [onPulled.RootFS, onPulled.Config]);

    // What was fetched for one image is there for another, and the base's layers stay what they are in the registry.
    const options = ["--arg", "locked", lock];
    const more = await examples.build(["streamOnLockedImage", "pushOnLockedImage"], options);
    assert.equal(blobs().length, layers.length + 1);
    const stream = await examples.load(docker, more.get("streamOnLockedImage")!);
    assert.equal(await docker.output(stream, ["hello"]), "Hello, world!\n");
    const target = `${proxy.host}/on-locked:1`;
    await push(more.get("pushOnLockedImage")!.out, target);
    assert.equal(await loaded(target), (await docker.inspect(stream)).Id);
    const sent = JSON.parse(await mustRun([...builtCommand, "inspect", "--raw", `docker://${target}`]));
    assert.deepEqual(sent.layers.slice(0, layers.length), layers);

    const { code, stderr } = await examples.tryBuild("nixFromDockerHub", pulled("0".repeat(64)));
    assert.notEqual(code, 0);
    assert.match(stderr, /hash mismatch/);
  });
});
