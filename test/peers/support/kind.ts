/** A cluster of kind's with one node, as far as images go: kind's own node image can't be had without a registry of the world's. */
import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Finished, mustRun, run } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { peer } from "./peers.ts";

/** What kind's node has in the version of kind that the tests run, but for the snapshotter, which takes any file system. */
const PROGRAMS = ["containerd", "ctr", "crictl"] as const;

const CONTAINERD = `
version = 3
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "native"
  discard_unpacked_layers = true
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = "linux"
  snapshotter = "native"
`;

/** How many times the node is asked whether it answers. */
const PATIENCE = 600;

/** An image as the node's container runtime tells the kubelet of it. */
export interface NodeImage {
  /** The digest of its config. */
  readonly id: string;
  readonly repoTags: readonly string[];
}

/** A cluster that has a single node, in which nothing runs but containerd, whose images it is about. */
export interface KindCluster {
  readonly name: string;
  /** Runs `kind ARGS`, whatever the exit code. */
  kind(...args: string[]): Promise<Finished>;
  /** Runs a program in the node, which must succeed; what it prints. */
  node(...command: string[]): Promise<string>;
  /** Has the node ask another place for the images of a registry, as kind's own guide does it. */
  mirror(registry: string, url: string): Promise<void>;
  /** What the container runtime has by a name. */
  image(name: string): Promise<NodeImage>;
  /** What `ctr images check` says of a name: the digest, and whether all of it is there and unpacked. */
  check(name: string): Promise<{ readonly digest: string; readonly isComplete: boolean }>;
  /** What a program of the image prints, run in the root that the node has unpacked. */
  output(name: string, ...command: string[]): Promise<string>;
}

/**
 * Starts a node in a container of a Docker Engine, which ends with the engine or the scope.
 * @param socket the engine's
 * @param network the node's: `host` reaches this machine's loopback
 */
export async function startKindCluster(
  outer: Scope,
  socket: string,
  network: "none" | "host" = "none",
): Promise<KindCluster> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const name = "varve";
  const container = `${name}-control-plane`;
  const env = {
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(folder, "client"),
    DOCKER_CONTEXT: undefined,
    KIND_EXPERIMENTAL_PROVIDER: "docker",
    PATH: `${await unprivilegedDocker(folder)}:${process.env["PATH"]}`,
  };
  const docker = (...args: string[]) => mustRun(["docker", ...args], { env });
  const node = (...command: string[]) => docker("exec", container, ...command);

  await docker("import", "--change", 'ENTRYPOINT ["/bin/containerd"]', await nodeArchive(folder), "node:1");
  scope.after(async () => {
    await run(["docker", "rm", "--force", "--volumes", container], { env });
  });
  await docker(
    ...["run", "--detach", "--name", container, "--network", network],
    ...["--label", `io.x-k8s.kind.cluster=${name}`, "--label", "io.x-k8s.kind.role=control-plane"],
    // What it takes to unpack layers; kind's own nodes are privileged.
    ...["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"],
    ...["--security-opt", "apparmor=unconfined"],
    ...["--tmpfs", "/run", "--volume", "/var/lib/containerd", "node:1"],
  );
  for (let asked = 1; ; asked++) {
    const { code, stderr } = await run(["docker", "exec", container, "crictl", "images"], { env });
    if (code === 0) break;
    if (asked === PATIENCE) throw new Error(`the node of kind doesn't answer: ${stderr}`);
    await delay(100);
  }

  const ctr = (...args: string[]) => node("ctr", "--namespace", "k8s.io", ...args);
  return {
    name,
    kind: (...args) => run([peer("kind"), ...args, "--name", name], { env }),
    node,
    async mirror(registry, url) {
      const folder = `/etc/containerd/certs.d/${registry}`;
      await node("mkdir", "-p", folder);
      const command = [
        "exec",
        "--interactive",
        container,
        "cp",
        "/dev/stdin",
        `${folder}/hosts.toml`,
      ] as const;
      await mustRun(["docker", ...command], { env, input: `[host."${url}"]\n` });
    },
    async image(name) {
      const { status } = JSON.parse(await node("crictl", "inspecti", name)) as { status: NodeImage };
      return status;
    },
    async check(name) {
      const listed = await ctr("images", "check", "--snapshotter", "native", `name==${name}`);
      const [, line = ""] = listed.split("\n");
      return {
        digest: /sha256:[0-9a-f]{64}/.exec(line.slice(name.length))?.[0] ?? "",
        isComplete: /\bcomplete \((\d+)\/\1\).* true\s*$/.test(line),
      };
    },
    async output(name, ...command) {
      await ctr("images", "mount", "--snapshotter", "native", name, "/mnt");
      try {
        return await node("chroot", "/mnt", ...command);
      } finally {
        await ctr("images", "unmount", "--snapshotter", "native", "--rm", "/mnt");
      }
    },
  };
}

/** Makes the root file system of a node, of programs that need no libraries. */
async function nodeArchive(folder: string): Promise<string> {
  const root = join(folder, "node");
  for (const name of ["bin", "etc/containerd", "mnt", "tmp", "proc", "sys", "dev", "run", "root"])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of PROGRAMS) cpSync(peer(name), join(root, "bin", name));
  const busybox = (await mustRun(["sh", "-c", "command -v busybox"])).trim();
  for (const name of ["chroot", "cp", "mkdir"])
    cpSync(busybox, join(root, "bin", name), { dereference: true });
  writeFileSync(join(root, "etc/containerd/config.toml"), CONTAINERD);
  writeFileSync(
    join(root, "etc/crictl.yaml"),
    "runtime-endpoint: unix:///run/containerd/containerd.sock\nimage-endpoint: unix:///run/containerd/containerd.sock\n",
  );
  const archive = join(folder, "node.tar");
  await mustRun(["tar", "--create", "--file", archive, "--directory", root, "."]);
  return archive;
}

/**
 * A folder with a `docker` that asks for no privileges: kind does for each program that it runs in a node, and where these tests run,
 * root itself may lack some.
 */
async function unprivilegedDocker(folder: string): Promise<string> {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const script = [
    "#!/bin/sh",
    'for each; do shift; [ "$each" = --privileged ] || set -- "$@" "$each"; done',
    `exec ${(await mustRun(["sh", "-c", "command -v docker"])).trim()} "$@"`,
  ];
  writeFileSync(join(bin, "docker"), `${script.join("\n")}\n`);
  chmodSync(join(bin, "docker"), 0o755);
  return bin;
}
