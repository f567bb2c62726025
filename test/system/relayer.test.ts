/** Images that Docker built are split anew: what they have stays the same, and an update of them is small. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { mergeUsr } from "./support/debian.ts";
import { DebianPackages } from "./support/debian-roots.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { type Images, startImages } from "./support/images.ts";
import { startRegistry } from "./support/registry.ts";

/** What dpkg and the scripts of packages need. */
const SYSTEM = ["bash", "coreutils", "dash", "debianutils", "diffutils", "dpkg", "findutils", "grep"];
const MORE = ["gzip", "libc-bin", "mawk", "perl-base", "sed", "tar", "base-passwd", "login", "passwd"];

/** What the image's own steps install, Node's own libraries among them. */
const ADDED = ["curl", "libatomic1", "libstdc++6", "openssl", "python3.11-minimal"];

/** What a container sees, but for what the engine puts into each. */
const FIND = `find / -xdev -path /proc -prune -o -path /sys -prune -o -path /dev -prune -o ! -path / ! -path /etc \
! -path /.dockerenv ! -path /etc/hosts ! -path /etc/hostname ! -path /etc/resolv.conf ! -path /etc/mtab \
-printf '%p %y %m %U:%G %T@ %s %l %n\\n' | sed '/ d [0-9]/s/ [0-9]*  [0-9]*$//' | sort`;

/** What is copied from a context keeps its time there. */
const AS_IT_WAS = { preserveTimestamps: true } as const;

const NODE_PACKAGES = ["zod", "picomatch", "commander", "jsonc-parser", "js-yaml", "argparse"];

const skip = requires("root", "docker", "debianPackages", "registry");

describe("an image that docker built and varve split", { skip, timeout: 900_000 }, () => {
  const scope = stacked({ after });
  let images: Images;
  let dockerd: Dockerd;
  let proxy: CountingProxy;
  let packages: DebianPackages;
  let onDaemon: { env: { DOCKER_HOST: string } };

  before(async () => {
    images = await startImages(scope);
    packages = new DebianPackages(join(images.folder, "debs"));
    const base = [...new Set([...SYSTEM, ...MORE].flatMap((name) => packages.withLibraries(name)))];
    const debs = [...new Set(ADDED.flatMap((name) => packages.withLibraries(name)))];
    packages.download([...base, ...debs, "less"]);
    dockerd = await startDockerd(scope);
    onDaemon = { env: { DOCKER_HOST: `unix://${dockerd.socket}` } };
    const registry = await startRegistry(scope);
    proxy = await startCountingProxy(scope, registry.host);
    const root = join(images.folder, "root");
    mergeUsr(root);
    packages.unpack(base, root);
    packages.register(base, root);
    for (const folder of ["etc", "tmp", "dev", "proc", "sys"])
      mkdirSync(join(root, folder), { recursive: true });
    const tar = join(images.folder, "root.tar");
    await mustRun(["tar", "-C", root, "--sort=name", "-cf", tar, "."]);
    await docker("import", tar, "debian:test");
    const added = debs.filter((name) => !base.includes(name));
    await build("1", added);
    await build("2", [...added, "less"]);
  });

  async function docker(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await dockerd.docker(args, {
      env: { DOCKER_BUILDKIT: "0" },
      timeoutSeconds: 300,
    });
    assert.equal(code, 0, `${stdout}${stderr}`);
    return stdout.toString();
  }

  /** Builds the image as people do, with Debian packages and a project. */
  async function build(tag: string, debs: readonly string[]): Promise<void> {
    const context = join(images.folder, `context-${tag}`);
    mkdirSync(join(context, "debs"), { recursive: true });
    for (const file of packages.files(debs)) cpSync(file, join(context, "debs", file.split("/").at(-1)!));
    const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
    for (const name of NODE_PACKAGES)
      cpSync(join(modules, name), join(context, "app/node_modules", name), { ...AS_IT_WAS, recursive: true });
    cpSync(process.execPath, join(context, "node"), { ...AS_IT_WAS, dereference: true });
    writeFileSync(
      join(context, "app/server.js"),
      'console.log(require("picomatch").isMatch("a.js", "*.js"), process.version)',
    );
    writeFileSync(
      join(context, "Dockerfile"),
      [
        "FROM debian:test",
        "COPY debs /debs",
        "RUN dpkg -i --force-depends /debs/*.deb && rm -r /debs",
        "COPY node /usr/local/bin/node",
        "COPY app /app",
        'CMD ["node", "/app/server.js"]',
      ].join("\n"),
    );
    await docker("build", "--no-cache", "--quiet", "--network", "none", "--tag", `app:${tag}`, context);
  }

  /** Splits an image and pushes it; the bytes that were sent. */
  async function push(tag: string, to: string, ...options: string[]): Promise<number> {
    proxy.requests.length = 0;
    const place = `docker://${proxy.host}/${to}`;
    const quick = ["--compression", "gzip:1"];
    await images.varve(["relayer", `docker-daemon:app:${tag}`, place, ...quick, ...options], onDaemon);
    return proxy.requests.reduce((sum, { sent }) => sum + sent, 0);
  }

  async function same(a: string, b: string): Promise<void> {
    assert.match(await images.varve(["compare", a, b], onDaemon), /have the same root file system/);
  }

  /** What a container of an image sees, a line for each path. */
  async function seen(image: string): Promise<string[]> {
    return (await dockerd.output(image, ["bash", "-c", FIND])).split("\n");
  }

  it("has the same root, to varve and in a container, and runs", async () => {
    await images.varve(["relayer", "docker-daemon:app:1", "docker-daemon:split:1"], onDaemon);
    await same("docker-daemon:app:1", "docker-daemon:split:1");
    const before = await seen("app:1");
    assert.ok(before.length > 1000, before.join("\n"));
    assert.deepEqual(await seen("split:1"), before);
    assert.match(await dockerd.output("split:1"), /^true v\d+/);
    const [{ RootFS: old }, { RootFS: split }] = [
      await dockerd.inspect("app:1"),
      await dockerd.inspect("split:1"),
    ];
    assert.ok(
      split.Layers.length > 10 && split.Layers.length <= 20,
      `${split.Layers.length} of ${old.Layers.length}`,
    );
  });

  it("sends a tenth at most after it was built again with another package", async (t) => {
    const first = await push("1", "app:1");
    const next = await push("2", "app:2", "--layers-from", `docker://${proxy.host}/app:1`);
    t.diagnostic(`${first} bytes, then ${next}`);
    assert.ok(next < first / 10, `${next} of ${first} bytes`);
    await same("docker-daemon:app:2", `docker://${proxy.host}/app:2`);
  });

  it("keeps its base's layers", async () => {
    await push("1", "based:1", "--base", "docker-daemon:debian:test");
    await same("docker-daemon:app:1", `docker://${proxy.host}/based:1`);
    await docker("pull", `${proxy.host}/based:1`);
    const [base, split] = [
      await dockerd.inspect("debian:test"),
      await dockerd.inspect(`${proxy.host}/based:1`),
    ];
    assert.equal(split.RootFS.Layers[0], base.RootFS.Layers[0]);
    assert.match(await dockerd.output(`${proxy.host}/based:1`), /^true v\d+/);
  });

  it("is the same when a container was committed on top of it", async () => {
    const change = [
      "rm -r /usr/share/doc /app/node_modules/zod && mkdir -p /usr/share/doc/new && touch -d @5 /usr/share/doc/new",
      "ln /usr/bin/less /usr/bin/more-or-less; chmod 4755 /usr/bin/sed; chown 7:8 /app/server.js",
      "mv /app/node_modules/argparse /app/moved; ln -sfn /nowhere /app/link; mkfifo /app/pipe",
    ];
    await docker("run", "--name", "changed", "--network", "none", "app:2", "bash", "-ec", change.join("\n"));
    await docker("commit", "changed", "changed:1");
    const options = ["--base", "docker-daemon:app:2"];
    await images.varve(["relayer", "docker-daemon:changed:1", "docker-daemon:split:2", ...options], onDaemon);
    await same("docker-daemon:changed:1", "docker-daemon:split:2");
    assert.deepEqual(await seen("split:2"), await seen("changed:1"));
  });
});
