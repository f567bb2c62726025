/** Runs scripts in each way that a machine may have: as root, as a user with a range of ids, as one without. */
import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxKind, UnionKind } from "#sandbox";
import type { TarEntry } from "#tar";
import { mustRun, run } from "../../support/process.ts";
import { testProgram } from "../../support/varve.ts";
import { copyProgram } from "../../system/support/debian.ts";
import { entriesOf } from "./entries.ts";
import type { Answer, Wish } from "./runner.ts";

const runner = testProgram("layers/sandbox/runner");

/** A user that every machine has, and a range of ids far above those in use. */
export const USER = 65534;
const RANGE = "65534:200000:65536";

/** A way to run scripts. */
export interface Way {
  readonly sandbox: SandboxKind;
  readonly union?: UnionKind;
  /** For `root`: folders that are mounted in others' places meanwhile, where nobody else sees it. */
  readonly mounts?: readonly { readonly from: string; readonly to: string }[];
}

export const INSIDE: readonly Way[] = [
  ...(["root", "ids"] as const).flatMap((sandbox) =>
    (["overlay", "fuse", "copy"] as const).map((union) => ({ sandbox, union })),
  ),
  { sandbox: "single", union: "copy" },
];
export const VIEWS: readonly Way[] = [{ sandbox: "root" }, { sandbox: "ids" }, { sandbox: "single" }];

/** The processes whose command has an argument. */
export function running(argument: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return (
        /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").includes(argument)
      );
    } catch {
      // It ended meanwhile.
      return false;
    }
  });
}

/** Binds folders, as pairs before `--`, and runs the rest. */
const BIND = 'while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift; exec "$@"';

export const nameOf = ({ sandbox, union }: Way) =>
  union === undefined ? sandbox : `${sandbox} with ${union}`;

/**
 * The command that runs a program, `runner.ts` unless given, in a way. The machine's own files stay as they are: a user's range of ids, and a
 * device for fuse that users may open, are mounted where nobody else sees them.
 */
export function commandFor(
  folder: string,
  sandbox: SandboxKind,
  command: readonly string[] = [process.execPath, runner],
): [string, ...string[]] {
  if (sandbox === "root") return ["env", ...command];
  const ids = join(folder, "ids");
  writeFileSync(ids, sandbox === "ids" ? `${RANGE}\n` : "");
  const prepare = [
    'mount --bind "$1/ids" /etc/subuid',
    'mount --bind "$1/ids" /etc/subgid',
    'rm -f "$1/fuse"; mknod -m 666 "$1/fuse" c 10 229',
    'mount --bind "$1/fuse" /dev/fuse',
    'shift; exec "$@"',
  ].join(" && ");
  const user = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"];
  return ["unshare", "--mount", "sh", "-c", prepare, "sh", folder, ...user, ...command];
}

export interface ScriptRun extends Answer {
  readonly entries: readonly TarEntry[];
  /** `NAME` of each entry, in order. */
  readonly names: readonly string[];
}

/** Runs scripts in a way; what went wrong is in the answer. */
export async function make(
  folder: string,
  way: Way,
  wish: Omit<Wish, "out" | "temporary">,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<ScriptRun> {
  const { sandbox, union, mounts = [] } = way;
  const work = join(folder, `work-${sandbox}`);
  mkdirSync(work, { recursive: true });
  chmodSync(work, 0o1777);
  chmodSync(folder, 0o755);
  const out = join(work, "out.tar");
  await mustRun(["rm", "-f", out]);
  const input: Wish = {
    sandboxes: [sandbox],
    ...(union === undefined ? {} : { unions: [union] }),
    ...wish,
    out,
    temporary: work,
  };
  const bound = ["sh", "-c", BIND, "sh", ...mounts.flatMap(({ from, to }) => [from, to]), "--"];
  const command = commandFor(folder, sandbox);
  const finished = await run(mounts.length === 0 ? command : ["unshare", "--mount", ...bound, ...command], {
    input: JSON.stringify(input),
    env,
  });
  assert.equal(finished.code, 0, finished.stderr);
  const answer = JSON.parse(finished.stdout.toString()) as Answer;
  assert.deepEqual(
    readdirSync(work).filter((name) => name !== "out.tar"),
    [],
    "no temporary folder is left",
  );
  const entries = answer.code === undefined ? await entriesOf(await readFile(out)) : [];
  return { ...answer, entries, names: entries.map(({ name }) => name) };
}

const PROGRAMS =
  "sh ls cat grep rm mkdir chown chmod ln id env mv cp touch mkfifo mknod sleep setsid stat setcap".split(
    " ",
  );

/**
 * The file tree of a base image, as an archive that GNU tar writes. Its programs are one static busybox, or this machine's with
 * the libraries that they are linked with.
 */
export async function makeBase(folder: string, programs: "static" | "linked" = "static"): Promise<string> {
  const tree = join(folder, `base-${programs}`);
  for (const name of ["bin", "etc", "gone/deep", "replaced/sub", "home/jane", "tmp"]) {
    mkdirSync(join(tree, name), { recursive: true });
  }
  const busybox = (await mustRun(["sh", "-c", "command -v busybox"])).trim();
  cpSync(busybox, join(tree, "bin/busybox"));
  for (const name of PROGRAMS) {
    if (programs === "linked") await copyProgram(name, tree);
    const there = ["usr/bin", "usr/sbin"].find((folder) => existsSync(join(tree, folder, name)));
    const program = there === undefined ? "busybox" : `../${there}/${name}`;
    if (!existsSync(join(tree, "bin", name))) symlinkSync(program, join(tree, "bin", name));
  }
  for (const [name, text] of [
    ["etc/removed", "r"],
    ["etc/changed", "c"],
    ["etc/kept", "k"],
    ["gone/deep/x", "x"],
    ["replaced/sub/y", "y"],
    ["home/jane/j", "j"],
    ["bin/ping", "no program"],
    ["bin/su", "no program"],
    ["etc/shadow", "s"],
  ] as const) {
    writeFileSync(join(tree, name), text);
  }
  chmodSync(join(tree, "tmp"), 0o1777);
  await mustRun(["chown", "-R", "1000:1000", join(tree, "home/jane")]);
  await mustRun(["chown", "0:42", join(tree, "etc/shadow")]);
  chmodSync(join(tree, "etc/shadow"), 0o640);
  chmodSync(join(tree, "bin/su"), 0o4755);
  await mustRun(["setcap", "cap_net_raw+ep", join(tree, "bin/ping")]);
  const archive = `${tree}.tar`;
  await mustRun([
    ...[
      "tar",
      "-C",
      tree,
      "--sort=name",
      "--numeric-owner",
      "--xattrs",
      "--xattrs-include=*",
      "--format=posix",
    ],
    ...["-cf", archive, "."],
  ] as [string, ...string[]]);
  return archive;
}
