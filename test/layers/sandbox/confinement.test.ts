/** What scripts can't do, each tried in every way of running them. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mustRun } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { testProgram } from "../../support/varve.ts";
import { copyProgram } from "../../system/support/debian.ts";
import type { Answer, Wish } from "./runner.ts";
import { INSIDE, make, makeBase, nameOf, type ScriptRun, USER, VIEWS } from "./sandboxes.ts";

/** Makes the device /dev/zero in folders, and says which of these gave a byte. With fakeroot it is a file, which doesn't. */
const READ_DEVICES = (folders: string) => `set +e
for at in ${folders}; do
  mknod "$at/made" c 1 5 2>/dev/null && head -c 1 "$at/made" >/tmp/byte 2>/dev/null
  [ ! -s /tmp/byte ] || echo "read $at/made"
  rm -f "$at/made" /tmp/byte 2>/dev/null
done
true`;

/** Tries to make everything writable that is read-only, and devices open, here and in namespaces of its own. */
const REMOUNT = `set +e
try='while read -r _ _ _ _ at options _; do
  case $options in ro | ro,*) ! mount -o remount,bind,rw "$at" 2>/dev/null || echo "$0 $at" ;; esac
  case $options in *nodev*) ! mount -o remount,bind,dev "$at" 2>/dev/null || echo "$0 $at for devices" ;; esac
done </proc/self/mountinfo'
sh -c "$try" remounted
unshare --user --map-root-user --mount sh -c "$try" remounted-inside 2>/dev/null
mount -t tmpfs none /tmp 2>/dev/null && echo mounted
for file in /proc/sys/vm/drop_caches /usr/bin/env /bin/sh "$FILE"; do
  (: >>"$file") 2>/dev/null && echo "opened $file"
done
true`;

const ROOT_VIEW =
  "chown dac_override fowner fsetid kill setgid setuid setpcap sys_chroot mknod audit_write setfcap".split(
    " ",
  );
const PRIVATE_NETWORK = ["net_bind_service", "net_raw"];
const OF_FILES = ["chown", "dac_override", "fowner", "fsetid"];
const NUMBERS: Readonly<Record<string, bigint>> = {
  chown: 0n,
  dac_override: 1n,
  fowner: 3n,
  fsetid: 4n,
  kill: 5n,
  setgid: 6n,
  setuid: 7n,
  setpcap: 8n,
  net_bind_service: 10n,
  net_raw: 13n,
  sys_chroot: 18n,
  mknod: 27n,
  audit_write: 29n,
  setfcap: 31n,
};
const maskOf = (names: readonly string[]) =>
  names
    .reduce((mask, name) => mask | (1n << NUMBERS[name]!), 0n)
    .toString(16)
    .padStart(16, "0");
const SHOW_CAPABILITIES =
  'while read -r name set; do case $name in Cap*) echo "$name$set" ;; esac; done </proc/self/status';
const capabilities = (names: readonly string[]) => [
  `CapInh:${maskOf([])}`,
  `CapPrm:${maskOf(names)}`,
  `CapEff:${maskOf(names)}`,
  `CapBnd:${maskOf(names)}`,
  `CapAmb:${maskOf([])}`,
];
const linesOf = ({ output }: ScriptRun, script: string) =>
  output
    .filter((line) => line.startsWith(`${script} stdout `))
    .map((line) => line.split(" ").slice(2).join(" "));

describe("a script of a layer", { skip: requires("sandboxes", "busybox", "perl") }, () => {
  const scope = stacked({ after });
  let folder: string;
  /** One with a program that gets out of `chroot`. */
  let base: string;

  before(async () => {
    folder = await temporaryFolder(scope);
    const linked = await makeBase(folder, "linked");
    const tree = join(folder, "more");
    for (const name of ["perl", "head", "unshare", "mount"]) await copyProgram(name, tree);
    base = join(folder, "base.tar");
    cpSync(linked, base);
    await mustRun(["tar", "-C", tree, "-rf", base, "--owner=0:0", "."]);
  });

  it("opens no device that it makes, also outside of the image", async () => {
    const leave = [
      `mkdir "/cage"; chroot "/cage" or die; chdir ".." for 1 .. 64; chroot "."; `,
      `exec "/bin/sh", "-c", $ARGV[0]`,
    ].join("");
    const outside = `[ ! -d /layer ] || echo out; ${READ_DEVICES("'' /tmp /state /image /dev /dev/shm /layer")}`;
    for (const way of INSIDE) {
      const steps = {
        runAsRoot: `${READ_DEVICES("'' /tmp /dev /dev/shm")}\nperl -e '${leave}' "${outside.replaceAll(/["$]/g, "\\$&")}"; rm -r /cage`,
        extraCommands: READ_DEVICES("/layer /tmp /state '' /dev /dev/shm"),
        fakeRootCommands: READ_DEVICES("/layer /tmp /state '' /dev /dev/shm"),
      };
      const made = await make(folder, way, { base, steps });
      assert.deepEqual(made.output, ["runAsRoot stdout out"], `${nameOf(way)} ${made.message}`);
      const { runAsRoot: _, ...others } = steps;
      assert.deepEqual((await make(folder, way, { steps: others })).output, [], nameOf(way));
    }
  });

  it("has no more capabilities than its kind needs", async () => {
    for (const way of VIEWS) {
      for (const network of [false, true]) {
        const view = capabilities([...ROOT_VIEW, ...(network ? [] : PRIVATE_NETWORK)]);
        const both = { extraCommands: SHOW_CAPABILITIES, fakeRootCommands: SHOW_CAPABILITIES };
        const plain = await make(folder, way, { network, steps: both });
        const caller = capabilities(way.sandbox === "root" ? OF_FILES : []);
        assert.deepEqual(linesOf(plain, "extraCommands"), caller, way.sandbox);
        assert.deepEqual(linesOf(plain, "fakeRootCommands"), view, way.sandbox);
        if (network) continue;
        const steps = { runAsRoot: SHOW_CAPABILITIES, enableFakechroot: true, ...both };
        const inside = await make(folder, way, { base, root: base, steps });
        for (const script of ["runAsRoot", "extraCommands", "fakeRootCommands"]) {
          assert.deepEqual(linesOf(inside, script), view, `${way.sandbox} ${script} ${inside.message}`);
        }
      }
    }
  });

  it("makes nothing writable that is read-only, also what belongs to the caller", async () => {
    const own = join(folder, "own");
    const file = join(own, "file");
    mkdirSync(own);
    writeFileSync(file, "as it was");
    for (const way of VIEWS) {
      const user = way.sandbox === "root" ? 0 : USER;
      chownSync(own, user, user);
      chownSync(file, user, user);
      const text = REMOUNT.replace("$FILE", file);
      const steps = { extraCommands: text, fakeRootCommands: text };
      const made = await make(folder, way, { steps, visible: [own] });
      assert.deepEqual(made.output, [], `${way.sandbox} ${made.message}`);
      // The image's own programs are the script's.
      const inside = await make(folder, way, {
        base,
        steps: { runAsRoot: text.replace("/usr/bin/env /bin/sh", "") },
      });
      assert.deepEqual(inside.output, [], `${way.sandbox} ${inside.message}`);
      assert.equal(readFileSync(file, "utf8"), "as it was");
    }
  });

  it("puts no program in the place of those that run after it with all capabilities", async () => {
    const program = "#!/bin/sh\nPATH=/usr/bin:/bin; echo >/layer/trojan; echo >/work/upper/trojan\n";
    const text = [
      "for at in /none/bin /tmp/none/bin; do",
      "  /bin/mkdir -p $at 2>/dev/null || continue",
      "  for name in cat env find getcap grep mkdir mount rm rmdir sh sleep tar umount; do",
      `    printf '%s' '${program}' >$at/$name; /bin/chmod 755 $at/$name`,
      "  done",
      "done",
      "echo done",
    ].join("\n");
    const path = `/none/bin:/tmp/none/bin:${process.env["PATH"]}`;
    for (const way of VIEWS) {
      const steps = { extraCommands: text, fakeRootCommands: text };
      const made = await make(folder, way, { path, steps });
      const done = ["extraCommands stdout done", "fakeRootCommands stdout done"];
      assert.deepEqual([made.output, made.names], [done, []], `${way.sandbox} ${made.message}`);
    }
  });

  it("doesn't reach the terminal that varve is started in", { skip: requires("pty") }, async () => {
    const work = join(folder, "terminal");
    mkdirSync(work);
    chmodSync(work, 0o1777);
    const text = "(: </dev/tty) 2>/dev/null && echo terminal || echo none";
    const wish: Wish = {
      sandboxes: ["root"],
      steps: { extraCommands: text, fakeRootCommands: text },
      temporary: work,
      out: "/dev/null",
    };
    writeFileSync(join(work, "wish"), JSON.stringify(wish));
    const runner = testProgram("layers/sandbox/runner");
    const command = `(: </dev/tty) && '${process.execPath}' '${runner}' <'${work}/wish' >'${work}/answer'`;
    await mustRun(["script", "--quiet", "--return", "--command", command, "/dev/null"]);
    const { output } = JSON.parse(readFileSync(join(work, "answer"), "utf8")) as Answer;
    assert.deepEqual(output, ["extraCommands stdout none", "fakeRootCommands stdout none"]);
  });
});
