import { appendFileSync } from "node:fs";
import { chmod, chown, copyFile, mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { mustRun, type RunOptions } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { makeMountPoint } from "./nix.ts";
import { type Service, startService } from "./service.ts";

type Command = readonly [string, ...string[]];

/** A Nix store as a multi-user installation has it: only the daemon writes into it, and build users build. */
export interface NixDaemon {
  /** The folder that is at /nix for commands which see the store. */
  readonly folder: string;
  /** Runs a command as root, who asks the daemon as well. */
  asRoot(command: Command, options?: RunOptions): Promise<string>;
  /** Runs a command as somebody without rights. */
  asUser(command: Command, options?: RunOptions): Promise<string>;
  /** Starts the daemon anew over the same store. */
  restart(settings: Settings): Promise<void>;
}

interface Settings {
  /** Whether builds run in Nix's sandbox. */
  readonly sandbox: boolean;
}

/** Nobody whom the machine knows. */
const USER = 12_345;
const BUILD_GROUP = 30_000;
const BUILD_USERS = 3;

/**
 * Starts a daemon that is gone with the scope. It and all commands see its store at /nix and its build users in
 * /etc/passwd and /etc/group, each in a mount namespace of its own: the machine's store and users are neither used nor
 * touched.
 */
export async function startNixDaemon(outer: Scope, first: Settings): Promise<NixDaemon> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const [store, settings, home] = [join(folder, "nix"), join(folder, "settings"), join(folder, "home")];
  for (const path of [store, settings, home]) await mkdir(path);
  // Others have to find them, whatever the umask is.
  for (const path of [folder, store, settings]) await chmod(path, 0o755);
  await chown(home, USER, USER);
  const { passwd, group } = await writeAccounts(folder);
  await makeMountPoint(scope);

  const mounts = ["/nix", "/etc/passwd", "/etc/group"].map(
    (at, number) => `mount --bind "$${number + 1}" ${at}`,
  );
  const inside = (...command: readonly string[]): Command => [
    ...(["unshare", "--mount", "--propagation", "private", "--"] as const),
    ...["sh", "-c", `${mounts.join(" && ")} && shift 3 && exec "$@"`, "sh", store, passwd, group],
    ...command,
  ];
  const env = { HOME: home, NIX_CONF_DIR: settings, NIX_PATH: "" };
  const ask = (command: Command, options: RunOptions = {}) =>
    mustRun(command, { ...options, env: { ...env, NIX_REMOTE: "daemon", ...options.env } });
  const user = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", "--"];

  let daemon: Service | undefined;
  const start = async ({ sandbox }: Settings) => {
    const conf = [`sandbox = ${sandbox}`, "build-users-group = nixbld", "substituters ="];
    await writeReadable(join(settings, "nix.conf"), conf);
    daemon = await startService({
      command: inside("nix-daemon"),
      env: { ...env, NIX_REMOTE: "" },
      logFile: join(folder, "daemon.log"),
      ready: () => listens(join(store, "var/nix/daemon-socket/socket")),
    });
  };
  await start(first);
  scope.after(() => daemon?.stop());

  return {
    folder: store,
    asRoot: (command, options) => ask(inside(...command), options),
    asUser: (command, options) => ask(inside(...user, ...command), options),
    restart: async (other) => {
      await daemon?.stop();
      await start(other);
    },
  };
}

/** The machine's accounts, and build users. */
async function writeAccounts(folder: string): Promise<{ passwd: string; group: string }> {
  const [passwd, group] = [join(folder, "passwd"), join(folder, "group")];
  await copyFile("/etc/passwd", passwd);
  await copyFile("/etc/group", group);
  const names = Array.from({ length: BUILD_USERS }, (_, at) => `nixbld${at + 1}`);
  for (const [at, name] of names.entries()) {
    appendFileSync(
      passwd,
      `${name}:x:${BUILD_GROUP + at + 1}:${BUILD_GROUP}::/var/empty:/usr/sbin/nologin\n`,
    );
  }
  appendFileSync(group, `nixbld:x:${BUILD_GROUP}:${names.join(",")}\n`);
  return { passwd, group };
}

async function writeReadable(file: string, lines: readonly string[]): Promise<void> {
  await writeFile(file, `${lines.join("\n")}\n`);
  await chmod(file, 0o644);
}

function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once("error", () => resolve(false));
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
  });
}
