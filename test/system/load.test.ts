/** Loading into real engines: they are sent what they lack. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { type Scope, stacked } from "../support/tmp.ts";
import { startContainerd } from "./support/containerd.ts";
import { type CountedEngine, countEngine } from "./support/counted-engine.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { type Images, startImages } from "./support/images.ts";
import { type PodmanService, startPodmanService } from "./support/podman.ts";
import { startService } from "./support/service.ts";

const LARGE = 100_000_000;

/** What the layer that changes, with the shell, and the rest of an archive have at most. */
const CHANGED = 2_300_000;

/** What an archive without layers has at most. */
const NONE = 20_000;

/** Loads an image by `varve build --load --verbose`; what it says of the way that it took. */
async function load(images: Images, spec: string, { host }: Pick<CountedEngine, "host">): Promise<string> {
  const { command, env } = images.command(["build", spec, "--load", "--verbose"]);
  const { code, stderr } = await run(command, { env: { ...env, DOCKER_HOST: host } });
  assert.equal(code, 0, stderr);
  return stderr;
}

/** A file in the highest of the layers of store paths. Above is one of links. */
const fileIn = ({ folder }: Images) => join(folder, "app-store/app-0/share/data");

/** Starts `varve serve` until the scope ends; where it listens. */
async function serve(images: Images, spec: string, scope: Scope): Promise<string> {
  const { command, env } = images.command(["serve", spec, "--listen", "0"]);
  const service = await startService({
    ...{ command, env, logFile: join(images.folder, "log") },
    ready: (log) => log.includes("Try:"),
  });
  scope.after(() => service.stop());
  return /Listening on (localhost:\d+);/.exec(service.log())![1]!;
}

describe("an image that is loaded into a real Docker Engine", { skip: requires("docker", "busybox") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let docker: Dockerd;
  let engine: CountedEngine;
  let spec: string;

  before(async () => {
    images = await startImages(scope);
    spec = await images.spec({ name: "app", sizes: [1000, LARGE, 2000] });
    docker = await startDockerd(scope);
    engine = await countEngine(scope, docker.socket);
  });

  it("is sent whole at first, then its changed layer, then none", async () => {
    await load(images, spec, engine);
    assert.ok(engine.sent() > LARGE);
    assert.equal(await docker.output("app:1"), "Hello from app\n");

    await writeFile(fileIn(images), "changed");
    assert.match(await load(images, spec, engine), /^The engine was sent 2 of 4 layers/m);
    const sent = engine.sent();
    assert.ok(sent < CHANGED, `${sent} bytes were sent`);
    const changed = ["/bin/busybox", "cat", fileIn(images)];
    assert.equal(await docker.output("app:1", changed), "changed");

    assert.match(await load(images, spec, engine), /^The engine was sent 0 of 4 layers/m);
    assert.ok(engine.sent() < NONE);
    assert.equal(await docker.output("app:1"), "Hello from app\n");
  });

  it("is loaded all the same where the engine has lost what it had", async () => {
    // It says that it has the layers of an image that is gone.
    const { RootFS } = await docker.inspect("app:1");
    await docker.docker(["rmi", "--force", "app:1"]);
    await docker.docker(["image", "prune", "--all", "--force"]);
    engine.claims.set("/images/json", [{ Id: "sha256:gone" }]);
    engine.claims.set("/images/sha256:gone/json", { RootFS });
    const told = await load(images, spec, engine);
    assert.match(told, /^The engine didn't take an archive without the layers that it has: .*no such file/m);
    assert.match(told, /^The engine has pulled 4 of 4 layers from varve$/m);
    assert.ok(engine.sent() < NONE);
    engine.claims.clear();
    assert.equal(await docker.output("app:1"), "Hello from app\n");
  });

  it("is pulled by the engine, which then has it by its own name alone", async () => {
    // As those engines say it that keep images in containerd.
    engine.claims.set("/info", { DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]] });
    await writeFile(fileIn(images), "changed again");
    assert.match(await load(images, spec, engine), /^The engine has pulled 2 of 4 layers from varve$/m);
    assert.ok(engine.sent() < NONE);
    engine.claims.clear();
    const changed = ["/bin/busybox", "cat", fileIn(images)];
    assert.equal(await docker.output("app:1", changed), "changed again");
    const { stdout } = await docker.docker([
      "images",
      "--digests",
      "--format",
      "{{.Repository}}:{{.Tag}}@{{.Digest}}",
    ]);
    // The one before has no name any more.
    assert.deepEqual(stdout.toString().trim().split("\n").sort(), ["<none>:<none>@<none>", "app:1@<none>"]);
  });

  it("is pulled from varve serve, and runs", async () => {
    const host = await serve(images, spec, scope);
    assert.equal(await docker.output(`${host}/app`), "Hello from app\n");
  });
});

describe("an image that is pulled by other real engines", {
  skip: requires("podman", "containerd", "busybox"),
}, () => {
  const scope = stacked({ after });
  let images: Images;
  let podman: PodmanService;
  let spec: string;

  before(async () => {
    images = await startImages(scope);
    spec = await images.spec({ name: "app", sizes: [1000, 3_000_000, 2000] });
    podman = await startPodmanService(scope);
  });

  it("is pulled by podman when it is loaded, and only what has changed", async () => {
    const engine = await countEngine(scope, podman.socket);
    assert.match(await load(images, spec, engine), /^The engine has pulled 4 of 4 layers from varve$/m);
    await writeFile(fileIn(images), "changed");
    // It knows layers by themselves, whatever is below them.
    assert.match(await load(images, spec, engine), /^The engine has pulled 1 of 4 layers from varve$/m);
    assert.ok(engine.sent() < NONE);
    const listed = JSON.parse(await podman.run("images", "--format", "json")) as {
      Names?: readonly string[];
    }[];
    assert.deepEqual(
      listed.flatMap(({ Names = [] }) => Names),
      ["localhost/app:1"],
    );
  });

  it("is pulled by podman and containerd from varve serve", async () => {
    const host = await serve(images, spec, scope);
    const place = `${host}/app:latest`;
    await podman.run("pull", "--quiet", "--tls-verify=false", place);
    assert.match(
      await podman.run("images", "--format", "{{.Repository}}:{{.Tag}}"),
      new RegExp(`^${place}$`, "m"),
    );
    const { ctr } = await startContainerd(scope);
    await ctr("images", "pull", "--plain-http", "--snapshotter", "native", place);
    assert.match(await ctr("images", "ls", "--quiet"), new RegExp(`^${place}$`, "m"));
  });
});
