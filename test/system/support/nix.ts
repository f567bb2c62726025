import { mkdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun, type RunOptions } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";

export interface NixStore {
  /** The folder that is at /nix for commands which see the store. */
  readonly folder: string;
  /** What the environment must have for Nix' own programs, besides what {@link inside} makes. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Makes any command one that sees this store at /nix. */
  inside(command: readonly string[]): readonly [string, ...string[]];
  /** Builds an attribute of a Nix file that is a function of `{ busybox }`, and returns its output path. */
  build(file: string, attribute: string): Promise<string>;
  /** `nix path-info --json` of a path's whole closure: the text, as Nix wrote it. */
  pathInfo(path: string): Promise<string>;
  run(command: readonly [string, ...string[]], options?: RunOptions): Promise<string>;
}

/**
 * A real Nix store of its own, gone with the scope, and no daemon.
 *
 * Programs in an image find their files under the store dir they were built for, so the store has to be at
 * /nix/store and nowhere else while Nix and varve run. It is a temporary folder which each command sees at /nix in a
 * mount namespace of its own: a store that the machine may have is neither used nor touched, and no mount outlives the
 * command. (Nix's own way, `--store ROOT`, would give the graph paths that nobody but Nix finds.)
 */
export async function startNix(outer: Scope): Promise<NixStore> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const store = join(folder, "nix");
  const settings = join(folder, "settings");
  const home = join(folder, "home");
  const programs = join(folder, "programs", "bin");
  for (const path of [store, settings, home, programs]) await mkdir(path, { recursive: true });
  await mustRun(["sh", "-c", 'cp "$(command -v busybox)" "$1"', "sh", programs]);
  await writeFile(
    join(settings, "nix.conf"),
    ["sandbox = false", "build-users-group =", "substituters =", "experimental-features = nix-command"].join(
      "\n",
    ),
  );
  await makeMountPoint(scope);

  const env = { HOME: home, NIX_CONF_DIR: settings, NIX_REMOTE: undefined, NIX_PATH: undefined };
  const enter = 'mount --bind "$1" /nix && shift && exec "$@"';
  const inside = (command: readonly string[]): readonly [string, ...string[]] => [
    "unshare",
    ...["--mount", "--propagation", "private", "--"],
    ...["sh", "-c", enter, "sh", store],
    ...command,
  ];
  const inStore = (command: readonly [string, ...string[]], options: RunOptions = {}) =>
    mustRun(inside(command), { ...options, env: { ...env, ...options.env } });

  return {
    folder: store,
    env,
    inside,
    run: inStore,
    build: async (file, attribute) => {
      const argument = ["--arg", "busybox", join(folder, "programs")];
      const path = await inStore(["nix-build", file, "--attr", attribute, "--no-out-link", ...argument]);
      return path.trim();
    },
    pathInfo: (path) => inStore(["nix", "path-info", "--json", "--recursive", path]),
  };
}

/** Where a store path is for who doesn't see the store at /nix. */
export function outside({ folder }: Pick<NixStore, "folder">, storePath: string): string {
  return storePath.replace(/^\/nix\//, `${folder}/`);
}

/** Makes /nix where the machine has none, and takes it away with the scope. */
export async function makeMountPoint(scope: Scope): Promise<void> {
  const made = await mkdir("/nix").then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
  // Not `rm`: should there be anything in it after all, it stays.
  if (made) scope.after(() => rmdir("/nix"));
}
