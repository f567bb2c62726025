/** A podman of Debian's next release, beside the installed one: it knows what has been added to formats since. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";
import { mergeUsr } from "./debian.ts";
import { downloadPackages, NEXT_RELEASE } from "./debian-packages.ts";
import { keptFolder } from "./kept.ts";
import type { Podman } from "./podman.ts";

const PACKAGES = [
  ...["podman", "conmon", "crun", "libc6", "libgcc-s1", "libgpgme11t64", "libassuan9", "libgpg-error0"],
  ...[
    "libseccomp2",
    "libsubid5",
    "libsqlite3-0",
    "libbtrfs0t64",
    "libdevmapper1.02.1",
    "libsystemd0",
    "libcap2",
  ],
  ...[
    "libselinux1",
    "libsemanage2",
    "libsepol2",
    "libpcre2-8-0",
    "libudev1",
    "libaudit1",
    "libcap-ng0",
    "libpam0g",
  ],
  ...[
    "libcrypt1",
    "libacl1",
    "libattr1",
    "libbz2-1.0",
    "libzstd1",
    "liblzma5",
    "zlib1g",
    "libbsd0",
    "libmd0",
  ],
  ...["libglib2.0-0t64", "libyajl2", "netavark"],
];

/** Folders that are mounted over: the machine's, and the storage. */
const MOUNTED = ["proc", "dev", "sys", "run", "tmp", "storage"];

async function root(): Promise<string> {
  return await keptFolder("podman-of-next-release-2", async (folder) => {
    const downloads = join(folder, "downloads");
    mkdirSync(downloads);
    mergeUsr(folder);
    for (const file of await downloadPackages(downloads, PACKAGES, NEXT_RELEASE))
      await mustRun(["dpkg-deb", "-x", file, folder]);
    rmSync(downloads, { recursive: true });
    for (const name of MOUNTED) mkdirSync(join(folder, name), { recursive: true });
    mkdirSync(join(folder, "var/tmp"), { recursive: true });
    const settings = join(folder, "etc/containers");
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    writeFileSync(
      join(settings, "policy.json"),
      JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }),
    );
    writeFileSync(
      join(settings, "storage.conf"),
      [
        "[storage]",
        'driver = "overlay"',
        'graphroot = "/storage/root"',
        'runroot = "/storage/run"',
        "[storage.options]",
        'pull_options = { enable_partial_images = "true" }',
      ].join("\n"),
    );
  });
}

/** Such a podman, which pulls single files where a layer lists them. Its storage is gone with the scope, and so is the folder returned. */
export async function startNewerPodman(scope: Scope): Promise<{ podman: Podman; storage: string }> {
  const folder = await root();
  const storage = await temporaryFolder(scope);
  const enter = [
    'mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"',
    'mount --rbind /sys "$1/sys" && mount -t tmpfs tmpfs "$1/run" && mount -t tmpfs tmpfs "$1/tmp"',
    'mount --bind "$2" "$1/storage" && cd "$1" && root=$1 && shift 2 && exec chroot "$root" podman "$@"',
  ].join(" && ");
  const options = ["--cgroup-manager", "cgroupfs", "--events-backend", "none"];
  const namespaces = ["unshare", "--mount", "--propagation", "private", "--"] as const;
  const podman: Podman = (...args) =>
    mustRun([...namespaces, "sh", "-c", enter, "sh", folder, storage, ...options, ...args], {
      env: { PODMAN_IGNORE_CGROUPSV1_WARNING: "1" },
    });
  return { podman, storage };
}
