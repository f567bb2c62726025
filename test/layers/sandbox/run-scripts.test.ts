import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { TarEntry } from "#tar";
import { tarOf } from "../../support/docker-archive.ts";
import { mustRun } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import {
  commandFor,
  INSIDE,
  make,
  makeBase,
  nameOf,
  running,
  type ScriptRun,
  VIEWS,
  type Way,
} from "./sandboxes.ts";

const XATTR = "SCHILY.xattr.";
const find = ({ entries }: ScriptRun, name: string): TarEntry => {
  const entry = entries.find((entry) => entry.name === name);
  assert.ok(entry, `${name} is in the layer`);
  return entry;
};
const CAP_NET_RAW = "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/** The archive of a tree in which all programs are one static busybox. */
async function makeTree(folder: string, name: string, programs: readonly string[]): Promise<string> {
  const tree = join(folder, name);
  mkdirSync(join(tree, "bin"), { recursive: true });
  await mustRun(["sh", "-c", 'cp "$(command -v busybox)" "$1"', "sh", join(tree, "bin/busybox")]);
  for (const program of programs) symlinkSync("/bin/busybox", join(tree, program));
  await mustRun(["tar", "-C", tree, "-cf", `${tree}.tar`, "--owner=0:0", "."]);
  return `${tree}.tar`;
}

/** What scripts wrote. On stderr, mv may say that it doesn't understand fuse-overlayfs. */
const stdoutOf = ({ output }: ScriptRun) => output.filter((line) => / stdout /.test(line));

describe("the scripts of a layer", { skip: requires("sandboxes", "busybox") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let base: string;
  /** One whose programs fakeroot reaches. */
  let linked: string;

  before(async () => {
    folder = await temporaryFolder(scope);
    base = await makeBase(folder);
    linked = await makeBase(folder, "linked");
  });

  describe("extraCommands", () => {
    it("runs in the layer's root, and everything it makes belongs to the owner", async () => {
      const root = join(folder, "root.tar");
      writeFileSync(
        root,
        await tarOf({ "bin/tool": { symlink: "/nix/store/x/bin/tool" }, given: { file: "1" } }),
      );
      const owner = { uid: 1000, gid: 100, uname: "jane", gname: "" };
      const made = [];
      for (const way of VIEWS) {
        made.push(
          await make(folder, way, {
            root,
            owner,
            steps: {
              extraCommands: "mkdir -p a/b\nprintf x > a/b/f\nln a/b/f a/hard\nrm given\nchmod 2750 a",
            },
          }),
        );
      }
      const [first] = made as [ScriptRun];
      assert.deepEqual(first.names, ["a", "a/b", "a/b/f", "a/hard", "bin", "bin/tool"]);
      assert.deepEqual([find(first, "a").mode, find(first, "a/hard").linkname], [0o2750, "a/b/f"]);
      for (const { uid, gid, uname, gname, mtime } of first.entries) {
        assert.deepEqual({ uid, gid, uname, gname, mtime }, { ...owner, mtime: 1 });
      }
      for (const other of made) assert.equal(other.diffId, first.diffId);
    });

    it("sees a clean environment, none of the machine's own files, and no way to change its programs", async () => {
      for (const way of [{ sandbox: "root" }, { sandbox: "single" }] as const) {
        const made = await make(
          folder,
          way,
          {
            mtime: 77,
            steps: {
              extraCommands: [
                "env | grep -vE '^(PWD|SHLVL|_|PATH)=' | LC_ALL=C sort",
                "pwd; umask",
                `[ ! -e '${folder}' ] && [ ! -e /root ] && [ ! -e /home ] && echo hidden`,
                "touch /usr/varve-was-here 2>/dev/null || echo read-only",
                "echo to-stderr >/dev/stderr",
              ].join("\n"),
            },
          },
          { SECRET: "s", TZ: "Asia/Tokyo", LC_ALL: "C.UTF-8" },
        );
        assert.deepEqual([...made.output].sort(), [
          "extraCommands stderr to-stderr",
          "extraCommands stdout /layer",
          "extraCommands stdout 0022",
          "extraCommands stdout HOME=/tmp",
          "extraCommands stdout LC_ALL=C",
          "extraCommands stdout SOURCE_DATE_EPOCH=77",
          "extraCommands stdout TZ=UTC0",
          "extraCommands stdout hidden",
          "extraCommands stdout read-only",
        ]);
      }
      assert.ok(!existsSync("/usr/varve-was-here"));
    });
  });

  describe("fakeRootCommands", () => {
    it("gives owners, modes, devices and capabilities as root sees them, in each sandbox the same", async () => {
      const steps = {
        extraCommands: "mkdir -p home/jane; echo x > home/jane/f; cp /bin/true ping",
        fakeRootCommands: [
          "chown -R 1000:100 home/jane",
          "chmod u+s home/jane/f",
          "mknod null c 1 3; mkfifo pipe",
          "setcap cap_net_raw+ep ping",
          "touch new; id -u; stat -c %u:%g home/jane/f",
        ].join("\n"),
      };
      const made: ScriptRun[] = [];
      for (const way of VIEWS) made.push(await make(folder, way, { steps }));
      const [first] = made as [ScriptRun];
      const { uid, gid, mode } = find(first, "home/jane/f");
      assert.deepEqual({ uid, gid, mode }, { uid: 1000, gid: 100, mode: 0o4644 });
      const { type, devmajor, devminor } = find(first, "null");
      assert.deepEqual({ type, devmajor, devminor }, { type: "3", devmajor: 1, devminor: 3 });
      assert.equal(find(first, "pipe").type, "6");
      assert.equal(find(first, "ping").pax?.get(`${XATTR}security.capability`), CAP_NET_RAW);
      assert.deepEqual([find(first, "new").uid, find(first, "new").uname], [0, "root"]);
      for (const other of made) {
        assert.deepEqual(other.output, ["fakeRootCommands stdout 0", "fakeRootCommands stdout 1000:100"]);
        assert.equal(other.diffId, first.diffId, other.sandbox);
      }
    });

    it("begins with everything belonging to the owner", async () => {
      const owner = { uid: 7, gid: 8, uname: "", gname: "" };
      const steps = {
        extraCommands: "touch f; chmod 4755 f",
        fakeRootCommands: "stat -c '%u:%g %a' f; touch g",
      };
      for (const way of VIEWS) {
        const made = await make(folder, way, { owner, steps });
        assert.deepEqual(made.output, ["fakeRootCommands stdout 7:8 4755"], nameOf(way));
        assert.deepEqual([find(made, "f").uid, find(made, "g").uid], [7, 0]);
      }
    });

    it("with enableFakechroot has the layer's root as /, and leaves no mount point in it", async () => {
      for (const { sandbox } of VIEWS) {
        const steps = {
          enableFakechroot: true,
          fakeRootCommands:
            "echo hi > /etc/new; rm -r /gone; chown 5:6 /home; id -u; [ -c /dev/null ]; [ -d /sys ]",
        };
        const made = await make(folder, { sandbox }, { root: linked, steps });
        assert.deepEqual(made.output, ["fakeRootCommands stdout 0"], `${sandbox} ${made.message}`);
        const { names } = made;
        for (const gone of ["gone", "dev", "proc", "sys", "nix"]) assert.ok(!names.includes(gone), gone);
        assert.ok(names.includes("etc/new") && !names.some((name) => name.includes(".wh.")));
        assert.deepEqual([find(made, "home").uid, find(made, "home").gid], [5, 6]);
      }
    });
  });

  describe("runAsRoot", () => {
    const script = [
      "id -u",
      "rm /etc/removed; rm -r /gone; rm -r /replaced",
      "mkdir -p /replaced/new; echo n > /replaced/new/f",
      "echo more >> /etc/changed; chown 7:8 /home/jane/j; chmod 4755 /bin/ping",
      "mkdir /fresh; echo a > /fresh/b; ln /fresh/b /fresh/a; ln -s a /fresh/link; mkfifo /fresh/pipe",
      "mv /home/jane /home/joe",
      "[ -c /dev/null ]; [ -d /proc/self ]; [ -d /sys ]",
      // What the base has of it, and what is the same afterwards.
      "stat -c '%n %u:%g %a' /bin/su /etc/shadow /home/joe/j",
      "chown 0:0 /etc/kept; echo more >> /etc/shadow",
    ].join("\n");

    it("makes a layer of what the script changed in the image, the same in each sandbox", async () => {
      const made: ScriptRun[] = [];
      for (const way of INSIDE)
        made.push(await make(folder, way, { base: linked, steps: { runAsRoot: script } }));
      const [first] = made as [ScriptRun];
      assert.deepEqual(first.names, [
        ...[".wh.gone", "bin", "bin/ping"],
        ...["etc", "etc/.wh.removed", "etc/changed", "etc/kept", "etc/shadow"],
        ...["fresh", "fresh/a", "fresh/b", "fresh/link", "fresh/pipe"],
        ...["home", "home/.wh.jane", "home/joe", "home/joe/j"],
        ...["replaced", "replaced/.wh..wh..opq", "replaced/new", "replaced/new/f"],
      ]);
      assert.deepEqual([find(first, "fresh/b").type, find(first, "fresh/b").linkname], ["1", "fresh/a"]);
      assert.deepEqual([find(first, "home/joe").uid, find(first, "home/joe/j").uid], [1000, 7]);
      assert.equal(find(first, "bin/ping").mode, 0o4755);
      assert.equal(find(first, "bin/ping").pax?.get(`${XATTR}security.capability`), CAP_NET_RAW);
      assert.deepEqual(
        first.entries.flatMap(({ pax }) => [...(pax?.keys() ?? [])]),
        [`${XATTR}security.capability`],
      );
      for (const [index, other] of made.entries()) {
        assert.deepEqual(stdoutOf(other), [
          "runAsRoot stdout 0",
          "runAsRoot stdout /bin/su 0:0 4755",
          "runAsRoot stdout /etc/shadow 0:42 640",
          "runAsRoot stdout /home/joe/j 7:8 644",
        ]);
        assert.deepEqual([other.sandbox, other.union], [INSIDE[index]!.sandbox, INSIDE[index]!.union]);
        assert.equal(other.diffId, first.diffId, nameOf(INSIDE[index]!));
      }
    });

    it("sees the layer's contents on top of the base, and they stay in the layer", async () => {
      const root = join(folder, "contents.tar");
      writeFileSync(root, await tarOf({ "etc/given": { file: "g" } }));
      for (const way of INSIDE.filter(({ sandbox }) => sandbox !== "ids")) {
        const steps = { runAsRoot: "cat /etc/given /etc/kept; echo" };
        const made = await make(folder, way, { base: linked, root, steps });
        assert.deepEqual(made.names, ["etc", "etc/given"], nameOf(way));
        assert.deepEqual(made.output, ["runAsRoot stdout gk"]);
      }
    });

    it("comes before the other scripts, which change what it left", async () => {
      const steps = {
        runAsRoot:
          "rm -r /gone /etc/removed; mkdir /own; echo r > /own/a; ln /own/a /own/b; chown 7 /own/a; touch /no",
        extraCommands: "ls; [ ! -e home ]; echo e >> own/a; chown 8 own; rm no; touch bin-less",
        fakeRootCommands: "chown 9 bin-less; setcap cap_net_raw+ep own/a",
      };
      const made: ScriptRun[] = [];
      for (const way of INSIDE) made.push(await make(folder, way, { base: linked, steps }));
      const [first] = made as [ScriptRun];
      assert.deepEqual(
        first.names,
        [".wh.gone", "bin-less", "etc", "etc/.wh.removed", "own", "own/a", "own/b"],
        first.message,
      );
      assert.deepEqual(
        ["own", "own/a", "bin-less"].map((name) => find(first, name).uid),
        [8, 7, 9],
      );
      assert.deepEqual([find(first, "own/a").size, find(first, "own/b").linkname], [4, "own/a"]);
      assert.equal(find(first, "own/a").pax?.get(`${XATTR}security.capability`), CAP_NET_RAW);
      assert.deepEqual(first.output, [
        "extraCommands stdout etc",
        "extraCommands stdout no",
        "extraCommands stdout own",
      ]);
      for (const [index, other] of made.entries()) {
        assert.equal(other.diffId, first.diffId, `${nameOf(INSIDE[index]!)} ${other.message}`);
      }
    });

    it("can't mount, reach the machine's disks, or see its files", async () => {
      const steps = {
        runAsRoot: [
          "busybox mount -t tmpfs none /tmp 2>/dev/null && echo mounted",
          "mkdir /cage; busybox chroot /cage true 2>/dev/null; ls /proc/1/root/ 2>/dev/null | grep -x host",
          "mknod /disk b 254 0 2>/dev/null && cat /disk 2>/dev/null | busybox head -c1",
          "(echo 1 >/proc/sys/vm/drop_caches) 2>/dev/null && echo wrote",
          "rm -f /disk; true",
        ].join("\n"),
      };
      for (const { sandbox } of VIEWS) {
        const made = await make(
          folder,
          { sandbox },
          { base: linked, steps: { runAsRoot: `set +e\n${steps.runAsRoot}` } },
        );
        assert.deepEqual(made.output, []);
      }
    });

    it("works without a base, and says where the image has no shell", async () => {
      const made = await make(folder, { sandbox: "root" }, { steps: { runAsRoot: "true" } });
      assert.equal(made.code, "SCRIPT_FAILED");
      assert.match(made.message!, /status 127, which a shell that isn't there gives/);
    });
  });

  describe("in a sandbox of one id, where fakeroot keeps the owners", () => {
    const single = { sandbox: "single" } as const;

    it("see and make devices, set-id bits, links' owners and capabilities, as root does", async () => {
      const tree = join(folder, "devices");
      mkdirSync(join(tree, "dev0"), { recursive: true });
      await mustRun(["mknod", "-m", "640", join(tree, "dev0/disk"), "b", "259", "300"]);
      await mustRun(["mknod", join(tree, "dev0/gone"), "c", "1", "3"]);
      const root = join(folder, "devices.tar");
      await mustRun(["tar", "-C", tree, "-cf", root, "--sort=name", "--numeric-owner", "."]);
      const steps = {
        runAsRoot: [
          "stat -c '%F %t,%T %a' /dev0/disk; rm /dev0/gone; mv /dev0/disk /disk; chown 3:4 /disk",
          "mknod -m 600 /tty c 4 300; ln -s /nowhere /link; chown -h 5:6 /link; mkdir -m 2770 /setgid; chown 7:8 /setgid",
          "cp /bin/cat /cat; chown 9 /cat; chmod 6711 /cat; touch /bare; chown 10 /bare; chmod 0 /bare",
          "setcap 'cap_chown=p cap_net_raw=i' /cat; setcap -r /bin/ping; setcap cap_kill+ep /bin/su",
          "mkdir /old; for n in 1 2 3; do echo $n > /old/$n; chown $n /old/$n; done; rm /old/1; mv /old/2 /old/3",
          "ln -f /etc/kept /home/jane/j",
        ].join("\n"),
        extraCommands: "stat -c '%n %u:%g %a %t,%T' bare cat disk setgid tty; chown 11 bare",
        fakeRootCommands: "stat -c '%n %u:%g %a' bare cat; setcap cap_kill+ep bare",
      };
      const [asRoot, asOne] = [
        await make(folder, { sandbox: "root", union: "copy" }, { base: linked, root, steps }),
        await make(folder, single, { base: linked, root, steps }),
      ];
      assert.equal(asOne.message, undefined, asOne.output.join("\n"));
      assert.deepEqual(asOne.output, asRoot.output);
      assert.deepEqual(asOne.entries, asRoot.entries);
      assert.equal(asOne.diffId, asRoot.diffId);
    });

    it("run with a shell that fakeroot doesn't reach as long as all is root's", async () => {
      const root = join(folder, "own.tar");
      writeFileSync(root, await tarOf({ "etc/own": { file: "o" } }));
      const busybox = await makeTree(folder, "busybox", ["bin/sh", "bin/chown", "bin/touch"]);
      const steps = { runAsRoot: "touch /new; chmod 4755 /new; chown 0:0 /etc/own" };
      const made = await make(folder, single, { base: busybox, root, steps });
      assert.deepEqual(made.names, ["etc", "etc/own", "new"], made.message);
      const other = await make(folder, single, {
        base: busybox,
        steps: { runAsRoot: "touch /new; chown 5 /new" },
      });
      assert.equal(other.code, "SCRIPT_FAILED");
      assert.match(other.message!, /status 1, in a sandbox of one id where fakeroot doesn't reach its shell/);
      const refused = await make(folder, single, { base, steps: { runAsRoot: "true" } });
      assert.equal(refused.code, "SANDBOX_UNAVAILABLE");
      assert.match(refused.message!, /fakeroot doesn't reach \/bin\/sh, which is statically linked/);
    });

    it("fail where a program would lose a mode, or can't be run with fakeroot's library", async () => {
      for (const mode of ["604", "740"]) {
        const steps = { runAsRoot: `chmod 400 /home/jane/j; busybox chmod ${mode} /etc/shadow /etc/kept` };
        const lost = await make(folder, single, { base: linked, steps });
        assert.match(lost.message!, /a program that fakeroot doesn't reach set the mode of \/etc\/shadow/);
      }
      const old = await make(folder, single, {
        base: linked,
        steps: { runAsRoot: "rm /dev/fakeroot.so; echo another > /dev/fakeroot.so; id > /id" },
      });
      assert.equal(old.code, "SCRIPT_FAILED");
      assert.match(old.message!, /runAsRoot ran a program that fakeroot doesn't reach \(.*\), so owners/);
    });
  });

  it("gives the same bytes whatever the umask, time zone, locale and folder are", async () => {
    const steps = { runAsRoot: "mkdir /d; for n in b ä a B; do echo $n > /d/$n; done" };
    const plain = await make(folder, { sandbox: "root" }, { base, steps });
    const umask = process.umask(0o077);
    const cwd = process.cwd();
    try {
      process.chdir("/");
      const env = { TZ: "Asia/Tokyo", LC_ALL: "C.UTF-8", LANG: "de_DE.UTF-8", HOME: "/nowhere" };
      const other = await make(folder, { sandbox: "root" }, { base, steps }, env);
      assert.equal(other.diffId, plain.diffId);
    } finally {
      process.umask(umask);
      process.chdir(cwd);
    }
    assert.deepEqual(plain.names, ["d", "d/B", "d/a", "d/b", "d/ä"]);
  });

  it("a failing script is an error with its name, line and status, in bash and busybox", async () => {
    const failing = "true\n# two\nif true; then\n  false\nfi\n";
    const first = await make(folder, { sandbox: "root" }, { steps: { extraCommands: failing } });
    assert.equal(first.code, "SCRIPT_FAILED");
    assert.match(first.message!, /^extraCommands failed in line 4 with status 1;/);
    const leaving = await make(
      folder,
      { sandbox: "single" },
      { steps: { fakeRootCommands: "f() {\n false\n}\n\nexit 3" } },
    );
    assert.match(leaving.message!, /^fakeRootCommands failed in line 5 with status 3;/);
    const inside = await make(folder, { sandbox: "ids" }, { base, steps: { runAsRoot: "\n\nfalse\n" } });
    assert.match(inside.message!, /^runAsRoot failed in line 3 with status 1;/);
  });

  it("a first line #! chooses the interpreter", async () => {
    const steps = { extraCommands: '#!/bin/dash\n[ -z "$BASH_VERSION" ] && echo dash\nfalse' };
    const made = await make(folder, { sandbox: "root" }, { steps });
    assert.deepEqual(made.output, ["extraCommands stdout dash"]);
    // dash never tells.
    assert.match(made.message!, /^extraCommands failed with status 1;/);
  });

  it("scripts find the programs of a store that is elsewhere, outside of the image and in it", async () => {
    const store = join(folder, "opt/store");
    const programs = join(store, "0123456789abcdfghijklmnpqrsvwxyz-tools/bin");
    mkdirSync(programs, { recursive: true });
    writeFileSync(join(programs, "greet"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
    const path = `${programs}:${process.env["PATH"]}`;
    const made = [];
    for (const way of INSIDE.filter(({ sandbox, union }) => sandbox !== "ids" && union !== "fuse")) {
      const inImage = {
        base: linked,
        steps: { runAsRoot: `${programs}/greet; touch /new`, extraCommands: "greet" },
      };
      made.push(await make(folder, way, { ...inImage, path }));
    }
    const [first] = made as [ScriptRun];
    assert.deepEqual(first.output, ["runAsRoot stdout hello", "extraCommands stdout hello"], first.message);
    // Nor is there a folder in which others were made to mount on.
    assert.deepEqual(first.names, ["new"]);
    for (const [index, { diffId, message }] of made.entries())
      assert.equal(diffId, first.diffId, `${index} ${message}`);
  });

  it("scripts find in the image the programs of a store whose paths are mounts, beside the image's own paths", async () => {
    const store = join(folder, "mounted/store");
    const tools = join(store, "0123456789abcdfghijklmnpqrsvwxyz-tools");
    const elsewhere = join(folder, "elsewhere");
    for (const path of [tools, join(elsewhere, "bin")]) mkdirSync(path, { recursive: true });
    writeFileSync(join(elsewhere, "bin/greet"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
    const own = join(store, "zyxwvsrqpnmlkjihgfdcba9876543210-own");
    const tree = join(folder, "with-store");
    mkdirSync(join(tree, own), { recursive: true });
    writeFileSync(join(tree, own, "file"), "the image's");
    const withStore = `${tree}.tar`;
    cpSync(linked, withStore);
    await mustRun(["tar", "-C", tree, "-rf", withStore, "--owner=0:0", "."]);
    for (const union of ["overlay", "copy"] as const) {
      const way: Way = { sandbox: "root", union, mounts: [{ from: elsewhere, to: tools }] };
      const steps = { runAsRoot: `${tools}/bin/greet; cat ${own}/file` };
      const made = await make(folder, way, {
        base: withStore,
        steps,
        path: `${tools}/bin:${process.env["PATH"]}`,
      });
      assert.deepEqual(made.output, ["runAsRoot stdout hello", "runAsRoot stdout the image's"], made.message);
      assert.deepEqual(made.names, []);
    }
  });

  it("scripts run for a user whose PATH has none of the folders for administrators", async () => {
    // What Debian gives to ordinary users; chroot, pivot_root and setcap are in /usr/sbin there.
    const path = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games";
    for (const way of VIEWS) {
      const steps = { fakeRootCommands: "touch f; setcap cap_net_raw+ep f" };
      const made = await make(folder, way, { steps, path });
      assert.equal(made.message, undefined);
      assert.equal(find(made, "f").pax?.get(`${XATTR}security.capability`), CAP_NET_RAW);
    }
    const none = await make(folder, { sandbox: "root" }, { steps: { extraCommands: "true" }, path: folder });
    assert.match(none.message!, /^scripts need unshare, .*, which can't be found; install util-linux/);
  });

  it("a script that takes too long is stopped", async () => {
    for (const way of [{ sandbox: "root" }, { sandbox: "single" }] as const) {
      const made = await make(folder, way, {
        timeoutSeconds: 0.5,
        steps: { extraCommands: "sleep 1000 & sleep 1000" },
      });
      assert.equal(made.code, "SCRIPT_TIMEOUT");
    }
  });

  it("what a script leaves running doesn't survive it, and doesn't hold it up", async () => {
    for (const way of [{ sandbox: "root" }, { sandbox: "ids" }] as const) {
      const made = await make(folder, way, {
        steps: { extraCommands: "setsid sleep 1000 & (trap '' TERM HUP; sleep 1000) & echo done" },
      });
      assert.deepEqual(made.output, ["extraCommands stdout done"]);
    }
  });

  it("leaves nothing running or mounted when varve is killed", async () => {
    for (const { sandbox } of VIEWS) {
      // The number tells this test's process from all others.
      const seconds = String(100_000 + process.pid);
      const work = join(folder, `work-${sandbox}`);
      rmSync(work, { recursive: true, force: true });
      mkdirSync(work, { recursive: true });
      chmodSync(work, 0o1777);
      const [program, ...args] = commandFor(folder, sandbox);
      const child = spawn(program, args, { stdio: ["pipe", "ignore", "pipe"] });
      const ended = once(child, "exit");
      const runAsRoot = `setsid sleep ${seconds} & while ! grep -q sleep /proc/$!/cmdline; do :; done; echo ready; sleep ${seconds}`;
      const wish = {
        sandboxes: [sandbox],
        base: linked,
        steps: { runAsRoot },
        temporary: work,
        out: "/dev/null",
        echo: true,
      };
      child.stdin.end(JSON.stringify(wish));
      let said = "";
      for await (const chunk of child.stderr) {
        said += String(chunk);
        if (said.includes("ready")) break;
      }
      assert.match(said, /ready/);
      const alive = () => running(seconds).length > 0;
      const wasAlive = alive();
      child.kill("SIGKILL");
      await ended;
      assert.ok(wasAlive);
      for (let turn = 0; alive(); turn++) {
        assert.ok(turn < 5000, "all processes are gone soon");
        await setTimeout(20);
      }
      assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(work));
      // The next run removes the folder, which `make` asserts.
      assert.equal(readdirSync(work).length, 1);
      await make(folder, { sandbox }, { steps: { extraCommands: "true" } });
    }
  });

  it("has no network unless it is asked for", async () => {
    const server = createServer((socket) => socket.end("hello\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as { port: number };
      for (const way of [{ sandbox: "root" }, { sandbox: "single" }] as const) {
        const steps = { extraCommands: `busybox nc -w 2 127.0.0.1 ${port} </dev/null || echo none` };
        const without = await make(folder, way, { steps });
        // What the program says of it comes on another stream, in any order.
        assert.ok(without.output.includes("extraCommands stdout none"), without.output.join("\n"));
        const having = await make(folder, way, { steps, network: true });
        assert.deepEqual(having.output, ["extraCommands stdout hello"]);
      }
    } finally {
      server.close();
    }
  });

  it("says what the machine lacks where no sandbox is enough", async () => {
    const made = await make(
      folder,
      { sandbox: "single" },
      {
        base: linked,
        sandboxes: ["root", "ids", "single"],
        unions: ["overlay"],
        steps: { runAsRoot: "true" },
      },
    );
    assert.equal(made.code, "SANDBOX_UNAVAILABLE");
    assert.match(made.message!, /the user is not root; .*newuidmap.*; .* of one id has no copy/);
  });

  it("refuses a file whose name is a whiteout's", async () => {
    const made = await make(folder, { sandbox: "root" }, { steps: { extraCommands: "touch .wh.etc" } });
    assert.equal(made.code, "UNSUPPORTED_FILE");
  });

  it("a hostile archive writes nothing outside", async () => {
    const sentinel = join(folder, "sentinel");
    writeFileSync(sentinel, "safe");
    const hostile = join(folder, "hostile.tar");
    const depth = "../".repeat(12);
    writeFileSync(
      hostile,
      await tarOf({
        [`${depth}${sentinel.slice(1)}`]: { file: "dotdot" },
        [sentinel]: { file: "absolute" },
        link: { symlink: folder },
        "link/sentinel": { file: "through a link" },
        hard: { hardLink: `${depth}${sentinel.slice(1)}` },
      }),
    );
    for (const { sandbox } of VIEWS) {
      const made = await make(folder, { sandbox }, { base: hostile, steps: { runAsRoot: "true" } });
      assert.ok(made.code, "it is an error");
      assert.equal(readFileSync(sentinel, "utf8"), "safe");
    }
  });
});
