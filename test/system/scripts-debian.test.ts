import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { make } from "../customise/scripts/sandboxes.ts";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";

/** What of Debian `useradd` needs, with the libraries that the programs are linked with. */
const PROGRAMS = ["bash", "useradd", "groupadd", "id", "chown", "ls"];
const FILES = ["/etc/login.defs", "/etc/pam.d", "/etc/nsswitch.conf", "/etc/skel", "/etc/default/useradd"];

async function debianBase(folder: string): Promise<string> {
  const tree = join(folder, "debian");
  for (const name of ["bin", "lib", "lib64", "sbin"]) {
    mkdirSync(join(tree, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(tree, name));
  }
  for (const name of ["etc", "home", "tmp", "var/lib"]) mkdirSync(join(tree, name), { recursive: true });
  const copy = (path: string) => {
    if (existsSync(join(tree, path))) return;
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    cpSync(path, join(tree, path), { recursive: true, dereference: true });
  };
  for (const program of PROGRAMS) {
    const path = (await mustRun(["sh", "-c", `command -v ${program}`])).trim();
    copy(path);
    for (const [library] of (await mustRun(["ldd", path])).matchAll(/\/\S+(?= \()/g)) copy(library);
  }
  for (const path of FILES) if (existsSync(path)) copy(path);
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\n");
  writeFileSync(join(tree, "etc/shadow"), "root:*:19000:0:99999:7:::\n", { mode: 0o640 });
  writeFileSync(join(tree, "etc/gshadow"), "root:*::\n", { mode: 0o640 });
  const archive = join(folder, "debian.tar");
  await mustRun(["tar", "-C", tree, "--sort=name", "--numeric-owner", "--format=posix", "-cf", archive, "."]);
  return archive;
}

describe("a script on a base of Debian's files", { skip: requires("root") }, () => {
  const scope = stacked({ after });

  it("adds a user with useradd, as root and as a user alike", async () => {
    const folder = await temporaryFolder(scope);
    const base = await debianBase(folder);
    const steps = { runAsRoot: "useradd --create-home --uid 1234 jane\nid jane\nls -ld /home/jane" };
    const made = [];
    for (const sandbox of ["root", "ids"] as const)
      made.push(await make(folder, { sandbox }, { base, steps }));
    for (const { code, message, output, entries } of made) {
      assert.equal(code, undefined, `${message}\n${output.join("\n")}`);
      assert.equal(output[0], "runAsRoot stdout uid=1234(jane) gid=1234(jane) groups=1234(jane)");
      const home = entries.find(({ name }) => name === "home/jane");
      assert.deepEqual([home?.uid, home?.gid], [1234, 1234]);
      for (const name of ["etc/passwd", "etc/shadow", "etc/group"]) {
        assert.ok(
          entries.some((entry) => entry.name === name),
          name,
        );
      }
    }
    const [asRoot, asUser] = made;
    assert.deepEqual(
      asUser?.entries.map(({ name, uid, gid, mode }) => ({ name, uid, gid, mode })),
      asRoot?.entries.map(({ name, uid, gid, mode }) => ({ name, uid, gid, mode })),
    );
  });
});
