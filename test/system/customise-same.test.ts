import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { SandboxKind } from "#sandbox";
import type { ImageSpecInput } from "#spec";
import { commandFor } from "../layers/sandbox/sandboxes.ts";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import { copyProgram, debianTree } from "./support/debian.ts";

/** Describes each name below the folder it runs in, as far as an image can hold it. */
const DESCRIBE = `find . ! -name . -print0 | sort -z | xargs -0 stat -c '%n %F %a %u:%g %h %t,%T' | sed 's/^/: /'
find . -type f -print0 | sort -z | xargs -0 sha256sum | sed 's/^/: /'
find . -type l -printf ': %p -> %l\\n' | sort
getcap -r . | sed 's/^/: /'`;

describe("a layer that scripts made", { skip: requires("sandboxes", "umoci") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let tree: string;
  let base: string;

  const specFile = (spec: ImageSpecInput): string => {
    const file = join(folder, `${spec.name}.json`);
    writeFileSync(file, JSON.stringify({ tag: "1", ...spec }));
    return file;
  };

  before(async () => {
    folder = await temporaryFolder(scope);
    chmodSync(folder, 0o755);
    tree = join(folder, "debian");
    // Programs that fakeroot reaches.
    await debianTree(tree);
    for (const program of ["date", "ln", "mkdir", "rm", "setcap", "stat"]) await copyProgram(program, tree);
    // Whoever builds must be able to read it.
    await mustRun(["chmod", "-R", "a+rX", tree]);
    mkdirSync(join(tree, "etc/deep"), { recursive: true });
    for (const name of ["a", "b"]) writeFileSync(join(tree, "etc/deep", name), name);
    base = join(folder, "base.tar");
    await mustRun([
      ...builtCommand,
      "build",
      "-q",
      "-o",
      base,
      specFile({ name: "base", copyToRoot: tree, tmp: true }),
    ]);
  });

  /** The digest of a spec's image, made by various users in various environments. */
  async function digestsOf(spec: ImageSpecInput): Promise<string[]> {
    const file = specFile(spec);
    const scratch = join(folder, "scratch");
    mkdirSync(scratch, { recursive: true });
    chmodSync(scratch, 0o1777);
    const ways: { sandbox: SandboxKind; umask: string; env: Record<string, string>; cwd: string }[] = [
      { sandbox: "root", umask: "022", env: { TZ: "UTC", LC_ALL: "C" }, cwd: "/" },
      { sandbox: "root", umask: "077", env: { TZ: "Asia/Tokyo", LC_ALL: "tr_TR.UTF-8" }, cwd: scratch },
      { sandbox: "ids", umask: "027", env: { TZ: "America/Lima", LANG: "de_DE.UTF-8" }, cwd: scratch },
      { sandbox: "single", umask: "002", env: { TZ: "Africa/Cairo" }, cwd: scratch },
    ];
    const made: string[] = [];
    for (const [index, { sandbox, umask, env, cwd }] of ways.entries()) {
      const place = join(scratch, `${spec.name}-${index}`);
      const shell = ["sh", "-c", 'umask "$1"; shift; exec "$@"', "sh", umask];
      const options = ["--json", "--no-cache", "--output", `oci:${place}`];
      const command = [...shell, ...builtCommand, "build", file, ...options];
      const { code, stdout, stderr } = await run(commandFor(folder, sandbox, command), {
        env: { ...env, TMPDIR: scratch, VARVE_CACHE_DIR: undefined, HOME: scratch },
        cwd,
      });
      assert.equal(code, 0, stderr);
      const [written] = JSON.parse(stdout.toString()) as [{ digest: string }];
      made.push(written.digest);
    }
    assert.deepEqual(
      readdirSync(scratch).filter((name) => name.startsWith("varve-")),
      [],
    );
    return made;
  }

  it("is the same for root and users, whatever their umask, time zone, locale and folder", async () => {
    const contents = join(folder, "contents");
    mkdirSync(contents);
    // In another order than names have, as a folder may list them.
    for (const name of ["z", "a", "m", "B"]) writeFileSync(join(contents, name), name);
    const digests = await digestsOf({
      name: "same",
      fromImage: base,
      copyToRoot: contents,
      runAsRoot:
        "rm /etc/deep/a; umask 027; mkdir /new; echo x > /new/f; date > /new/date 2>/dev/null; rm /new/date; chown 7:8 /new/f",
      extraCommands: "for n in z y x; do echo $n > $n; done; echo $SOURCE_DATE_EPOCH $TZ $LC_ALL $PWD > env",
      fakeRootCommands: "chown 1000 z; ln y hard",
      permissions: [{ path: "/x", mode: "0600" }],
    });
    assert.equal(new Set(digests).size, 1, digests.join("\n"));
  });

  it("is the same where it was the script's root", async () => {
    const digests = await digestsOf({
      name: "inside",
      copyToRoot: tree,
      enableFakechroot: true,
      extraCommands: "mkdir -p srv; chmod 2750 srv; echo $PWD > env",
      fakeRootCommands:
        "useradd --create-home --uid 1234 jane; chown 0:42 /etc/shadow; rm -r /etc/deep; setcap cap_kill=ep /bin/cat; stat -c '%u:%g %a' /home/jane /etc/shadow /srv > /seen",
    });
    assert.equal(new Set(digests).size, 1, digests.join("\n"));
  });

  it("is to GNU tar and to umoci what stat saw when it was made", async () => {
    const fakeRootCommands = [
      "mkdir -p bin home/jane 'with space' deep/er",
      "cp $(command -v cat) bin/tool; setcap cap_net_raw+ep bin/tool",
      "echo 1 > f; ln f hard; ln f deep/hard; chmod 4751 f; chown 5:6 f",
      "ln -s ../f deep/link; ln -s /nowhere dangling; mkfifo -m 600 pipe; mknod -m 640 disk b 7 3; mknod null c 1 3",
      "chown -R 1000:100 home/jane; chown -h 3:4 dangling; chmod 1777 deep; chmod 0 'with space'; echo ä > ä",
      "chown 70000:5000000 deep/er",
      DESCRIBE,
    ].join("\n");
    const file = specFile({ name: "seen", fakeRootCommands });
    const [layout, plain] = [join(folder, "layout"), join(folder, "seen.tar")];
    const { code, stderr } = await run([
      ...builtCommand,
      "build",
      file,
      // Its tool is there for its capability, without what it is linked with.
      "--no-check",
      "-o",
      `oci:${layout}:1`,
      "-o",
      plain,
    ]);
    assert.equal(code, 0, stderr);
    const expected = [...stderr.matchAll(/^fakeRootCommands \| : (.*)$/gm)].map(([, line]) => line);
    assert.ok(expected.length > 20, stderr);

    const unpacked = join(folder, "unpacked");
    mkdirSync(unpacked);
    const bundle = join(folder, "bundle");
    await mustRun(["umoci", "unpack", "--image", `${layout}:1`, bundle]);
    const archive = join(folder, "image");
    mkdirSync(archive);
    await mustRun(["tar", "-xf", plain, "-C", archive]);
    const [manifest] = JSON.parse(await mustRun(["cat", join(archive, "manifest.json")])) as [
      { Layers: [string] },
    ];
    await mustRun([
      "tar",
      "-xpf",
      join(archive, manifest.Layers[0]),
      "-C",
      unpacked,
      "--numeric-owner",
      "--xattrs",
      "--xattrs-include=*",
    ]);
    for (const root of [unpacked, join(bundle, "rootfs")]) {
      const seen = await mustRun(["sh", "-c", `cd "$1" && ${DESCRIBE}`, "sh", root]);
      assert.deepEqual(
        seen
          .trimEnd()
          .split("\n")
          .map((line) => line.slice(2)),
        expected,
        root,
      );
      assert.equal(lstatSync(join(root, "f")).mtimeMs, 1000);
    }
  });
});
