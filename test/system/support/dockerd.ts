import { mkdir, readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { type Finished, mustRun, type RunOptions, run } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { startService } from "./service.ts";

/** What `docker image inspect` says of an image, as far as the tests look at it. */
export interface InspectedImage {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly Created: string;
  readonly Architecture: string;
  readonly Config: {
    readonly Env?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly User?: string;
    readonly WorkingDir?: string;
    readonly ExposedPorts?: Readonly<Record<string, object>>;
  };
  readonly RootFS: { readonly Layers: readonly string[] };
}

/** A real Docker Engine of its own: its socket, data and state are in a temporary folder. */
export interface Dockerd {
  /** The Unix socket it listens on. */
  readonly socket: string;
  /** Runs `docker ARGS` against it, whatever the exit code. */
  docker(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** `docker load` of an archive. */
  load(archive: string): Promise<void>;
  inspect(image: string): Promise<InspectedImage>;
  /** What a container of the image prints, with the image's own command or another. */
  output(image: string, command?: readonly string[], options?: readonly string[]): Promise<string>;
  /** Starts a container, with the image's own command, that is gone with the scope; its name. */
  start(image: string): Promise<string>;
}

/** A network of its own for an engine, in which its containers have networks, too, and ports. */
export interface DockerdNetwork {
  /** Makes a command one that runs in it. */
  readonly inside: (command: readonly string[]) => readonly [string, ...string[]];
  /** What lets programs trust the servers in it. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts a Docker Engine that is gone with the scope. Unless it gets a network of its own it makes no bridge, so that containers
 * have no network. It makes no firewall rules, and neither the machine's own daemon, its settings nor its data are touched.
 */
export async function startDockerd(outer: Scope, network?: DockerdNetwork): Promise<Dockerd> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const socket = join(folder, "docker.sock");
  const settings = join(folder, "daemon.json");
  const clientSettings = join(folder, "client");
  await mkdir(clientSettings);
  await writeFile(
    settings,
    JSON.stringify({
      hosts: [`unix://${socket}`],
      "data-root": join(folder, "data"),
      "exec-root": join(folder, "exec"),
      pidfile: join(folder, "docker.pid"),
      ...(network === undefined && { bridge: "none" }),
      iptables: false,
      ip6tables: false,
      "ip-forward": false,
      // There need not be a systemd that would make cgroups for the containers.
      "exec-opts": ["native.cgroupdriver=cgroupfs"],
    }),
  );
  const command = ["dockerd", "--config-file", settings] as const;
  const service = await startService({
    command: network?.inside(command) ?? command,
    ...(network && { env: network.env }),
    logFile: join(folder, "docker.log"),
    ready: () => answersPing(socket),
  });

  const docker = (args: readonly string[], options: RunOptions = {}) =>
    run(["docker", "--host", `unix://${socket}`, ...args], {
      ...options,
      env: { DOCKER_CONFIG: clientSettings, DOCKER_CONTEXT: undefined, ...options.env },
    });
  const succeed = async (args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await docker(args);
    if (code !== 0) throw new Error(`docker ${args.join(" ")} ended with ${code}\n${stderr}`);
    return stdout.toString();
  };
  scope.after(async () => {
    // A container that is left would keep its shim alive, which is no child of the daemon.
    const left = (await succeed(["ps", "--all", "--quiet"])).split("\n").filter((id) => id !== "");
    if (left.length > 0) await docker(["rm", "--force", ...left]);
    await service.stop();
    await unmountBelow(folder);
  });

  return {
    socket,
    docker,
    load: async (archive) => {
      await succeed(["load", "--quiet", "--input", archive]);
    },
    inspect: async (image) => {
      const [inspected] = JSON.parse(await succeed(["image", "inspect", image])) as InspectedImage[];
      if (inspected === undefined) throw new Error(`docker inspects no image ${image}`);
      return inspected;
    },
    output: (image, command = [], more = []) =>
      succeed(["run", "--rm", "--network", "none", ...more, image, ...command]),
    start: async (image) => (await succeed(["run", "--detach", "--network", "none", image])).trim(),
  };
}

/** Whether an engine answers at a socket. */
export function answersPing(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: "/_ping" }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on("error", () => resolve(false));
    ping.end();
  });
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = await readFile("/proc/self/mounts", "utf8");
  const targets = mounts
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((target) => target.startsWith(`${folder}/`));
  // The innermost first.
  for (const target of targets.reverse()) await mustRun(["umount", "--lazy", target]);
}
