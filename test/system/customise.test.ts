import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { debianTree } from "./support/debian.ts";
import { busyboxTree, startWorkbench, type Workbench } from "./support/workbench.ts";

describe("in the real Docker Engine", { skip: requires("docker", "busybox", "sandboxes") }, () => {
  const scope = stacked({ after });
  let bench: Workbench;
  let busybox: string;
  /** The archive of an image with busybox. */
  let base: string;

  before(async () => {
    bench = await startWorkbench(scope);
    busybox = await busyboxTree(join(bench.folder, "busybox"));
    for (const [path, text] of Object.entries({ "etc/kept": "k", "gone/deep/x": "x", "etc/removed": "r" })) {
      mkdirSync(join(busybox, path, ".."), { recursive: true });
      writeFileSync(join(busybox, path), text);
    }
    const config = { Env: ["PATH=/bin", "GREETING=hello"], Cmd: ["/bin/ls"] };
    ({ archive: base } = await bench.build({ name: "base", copyToRoot: busybox, tmp: true, config }));
  });

  it("files of extraCommands and of runAsRoot are there, on a parent image as well", async () => {
    await bench.load({
      name: "files",
      fromImage: base,
      runAsRoot: "mkdir /made && echo $0 > /made/as-root && cat /etc/kept >> /made/as-root",
      extraCommands: "mkdir -p opt && echo extra > opt/extra && cat made/as-root > opt/copy",
    });
    const seen = await bench.sh(
      "files:1",
      "cat /made/as-root /opt/extra /opt/copy /etc/kept; echo $GREETING",
    );
    assert.match(seen, /^\S*runAsRoot\nkextra\n\S*runAsRoot\nkkhello\n$/);
    await bench.load({
      name: "files-alone",
      copyToRoot: busybox,
      layered: false,
      runAsRoot: "/bin/busybox mkdir -p /made; /bin/busybox touch /made/alone",
    });
    assert.equal(await bench.sh("files-alone:1", "/bin/ls /made"), "alone\n");
  });

  it("owners, modes and devices of fakeRootCommands are as they were given", async () => {
    const fakeRootCommands =
      "mkdir -p home/jane srv && chown 1000:100 home/jane && touch srv/f && chmod 4750 srv/f && mknod srv/null c 1 3";
    await bench.load({ name: "owners", fromImage: base, fakeRootCommands });
    await bench.load({
      name: "owners-chroot",
      fromImage: base,
      enableFakechroot: true,
      runAsRoot: "",
      fakeRootCommands: "mkdir -p /home/jane; chown 1000:100 /home/jane",
      copyToRoot: busybox,
    });
    const stat = "stat -c '%n %u:%g %a %t,%T' /home/jane /srv/f /srv/null";
    assert.equal(
      await bench.sh("owners:1", stat),
      "/home/jane 1000:100 755 0,0\n/srv/f 0:0 4750 0,0\n/srv/null 0:0 644 1,3\n",
    );
    assert.equal(await bench.sh("owners-chroot:1", "stat -c %u:%g /home/jane"), "1000:100\n");
  });

  it("a file and a directory of the base are gone that runAsRoot removed", async () => {
    await bench.load({ name: "removed", fromImage: base, runAsRoot: "rm -r /gone /etc/removed" });
    const seen = await bench.sh(
      "removed:1",
      "for f in /etc/kept /etc/removed /gone; do [ ! -e $f ] || echo $f; done",
    );
    assert.equal(seen, "/etc/kept\n");
  });

  it("of three images on top of each other the last one's word counts for each file", async () => {
    const layer = (n: number, files: Readonly<Record<string, string>>) => {
      const folder = join(bench.folder, `word-${n}`);
      mkdirSync(folder);
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      return folder;
    };
    const one = await bench.build({
      name: "one",
      copyToRoot: [busybox, layer(1, { a: "1", b: "1", c: "1" })],
      layered: false,
    });
    const two = await bench.build({
      name: "two",
      fromImage: one.archive,
      copyToRoot: layer(2, { b: "2", c: "2" }),
      layered: false,
    });
    await bench.load({
      name: "three",
      fromImage: two.archive,
      copyToRoot: layer(3, { c: "3" }),
      layered: false,
    });
    assert.equal(await bench.sh("three:1", "cat /a /b /c"), "123");
    assert.equal((await bench.dockerd.inspect("three:1")).RootFS.Layers.length, 3);
  });

  it("a base without a shell takes a layer with programs", async () => {
    const folder = join(bench.folder, "no-shell");
    mkdirSync(join(folder, "etc"), { recursive: true });
    writeFileSync(join(folder, "etc/os-release"), "NAME=none\n");
    const { archive } = await bench.build({ name: "no-shell", copyToRoot: folder });
    await bench.load({
      name: "with-shell",
      fromImage: archive,
      copyToRoot: busybox,
      extraCommands: "echo x > etc/made",
    });
    assert.equal(await bench.sh("with-shell:1", "cat /etc/os-release /etc/made"), "NAME=none\nx\n");
  });

  it("names in upper case become lower, and a registry's prefix stays", async () => {
    await bench.load({
      name: "Registry.example:5000/Team/Hello",
      tag: "V1",
      fromImage: base,
      copyToRoot: busybox,
    });
    const { RepoTags } = await bench.dockerd.inspect("registry.example:5000/team/hello:V1");
    assert.deepEqual(RepoTags, ["registry.example:5000/team/hello:V1"]);
  });

  it("two images that varve merge put into one archive are both there after one load", async () => {
    const one = await bench.build({ name: "merged-one", fromImage: base, extraCommands: "echo 1 > n" });
    const two = await bench.build({ name: "merged-two", fromImage: base, extraCommands: "echo 2 > n" });
    const archive = join(bench.folder, "merged.tar");
    await mustRun([
      ...builtCommand,
      "merge",
      "--quiet",
      one.archive,
      two.archive,
      `docker-archive:${archive}`,
    ]);
    await bench.dockerd.load(archive);
    assert.equal(await bench.sh("merged-one:1", "cat /n"), "1\n");
    assert.equal(await bench.sh("merged-two:1", "cat /n"), "2\n");
  });

  it("a file's capabilities are effective for a user", async () => {
    const folder = join(bench.folder, "capable");
    mkdirSync(join(folder, "usr"), { recursive: true });
    for (const name of ["ping", "plain-ping"]) {
      mkdirSync(join(folder, "usr", name));
      cpSync(join(busybox, "bin/busybox"), join(folder, "usr", name, "ping"));
    }
    await bench.load({
      name: "capable",
      fromImage: base,
      copyToRoot: folder,
      permissions: [{ path: "/usr/ping/ping", capabilities: "cap_net_raw+ep" }],
    });
    await bench.load({
      name: "capable-script",
      fromImage: base,
      copyToRoot: folder,
      fakeRootCommands: "setcap cap_net_raw+ep usr/ping/ping",
    });
    // Without a capability nobody may ping here.
    const options = ["--user", "1000", "--cap-add", "NET_RAW", "--sysctl", "net.ipv4.ping_group_range=1 0"];
    const ping = (name: string) => `/usr/${name}/ping -c 1 127.0.0.1 >/dev/null 2>&1 && echo pong || echo no`;
    for (const image of ["capable:1", "capable-script:1"]) {
      assert.equal(await bench.sh(image, `${ping("ping")}; ${ping("plain-ping")}`, options), "pong\nno\n");
    }
  });

  describe("on a usr-merged Debian", () => {
    let debian: string;

    before(async () => {
      const tree = join(bench.folder, "debian");
      await debianTree(tree);
      ({ archive: debian } = await bench.build({
        name: "debian",
        copyToRoot: tree,
        keepContentsDirlinks: true,
        tmp: true,
        permissions: [{ path: "/etc/*shadow", mode: "0640" }],
      }));
    });

    it("ls runs after /bin/x was added, in each way", async () => {
      const folder = join(bench.folder, "with-bin");
      mkdirSync(join(folder, "bin"), { recursive: true });
      writeFileSync(join(folder, "bin/x"), "#!/bin/bash\necho x\n", { mode: 0o755 });
      await bench.load({ name: "merged-usr", fromImage: debian, copyToRoot: folder });
      await bench.load({
        name: "merged-usr-script",
        fromImage: debian,
        copyToRoot: folder,
        fakeRootCommands: "true",
        runAsRoot: "ls /bin/ls",
      });
      for (const image of ["merged-usr:1", "merged-usr-script:1"]) {
        assert.equal(
          await bench.dockerd.output(image, ["/bin/bash", "-c", "/bin/ls -d /bin/x; /usr/bin/x"]),
          "/bin/x\nx\n",
        );
      }
    });

    it("useradd in runAsRoot adds a user that can log in and has a home", async () => {
      const { said } = await bench.load({
        name: "user",
        fromImage: debian,
        runAsRoot: "useradd --create-home --uid 1234 jane\nid jane",
        config: { User: "jane" },
      });
      assert.match(said, /^runAsRoot \| uid=1234\(jane\) gid=1234\(jane\)/m);
      const seen = await bench.dockerd.output("user:1", [
        "/bin/bash",
        "-c",
        "id -un; id -u; ls -ld --time-style=+ ~; echo > ~/f && ls ~",
      ]);
      assert.match(seen, /^jane\n1234\ndrwx\S* +\d+ jane jane +\d+ +\/home\/jane\nf\n$/);
    });
  });
});
