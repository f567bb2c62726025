import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { blocksOf } from "../../support/doc-blocks.ts";
import { type Finished, mustRun, run } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { builtCommand } from "../../support/varve.ts";
import { cloneRepository } from "./clone.ts";
import { startDockerd } from "./dockerd.ts";
import { distrolessNode, officialNode, QUICKLY } from "./node-bases.ts";
import { startSmallInternet } from "./small-internet.ts";

/** The base images that pages for Node.js name, by what stands in for them. */
const BASES = {
  official: ["node:24-slim", "node:22-slim"],
  distroless: ["gcr.io/distroless/nodejs24-debian12"],
};

/** Who may use `registry.example.com:5000`. */
const ACCOUNT = { user: "me", password: "a password" };

/**
 * Somebody who has Node.js with npm, Docker, and a clone of the repository, and never used varve. They reach npm's registry
 * and, as registries of images, servers on this machine. Their shell stays in the folder in which a text left it.
 */
export interface Newcomer {
  readonly home: string;
  /** Runs a text in a shell, by default bash, whatever its exit code. */
  shell(text: string, more?: ShellOptions): Promise<Finished>;
  mustShell(text: string, more?: ShellOptions): Promise<string>;
  /** Writes a file, by its path from where the shell is. */
  write(path: string, text: string): void;
  /** Starts a page: puts the shell into a new folder, in which there is the clone. */
  begin(page: string): void;
}

export interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The shell and its options before `-c`. */
  readonly program?: readonly string[];
}

/** Makes somebody's machine, which is gone with the scope. */
export async function startNewcomer(outer: Scope): Promise<Newcomer> {
  const scope = stacked(outer);
  const home = await temporaryFolder(scope);
  const internet = await startSmallInternet(scope, { npm: true, account: ACCOUNT });
  const docker = await startDockerd(scope, internet);
  await cloneRepository(join(home, "varve"));
  mkdirSync(join(home, "node"));
  symlinkSync(process.execPath, join(home, "node/node"));
  // Neither this repository's programs nor what was installed before.
  const system = process.env["PATH"]!.split(":").filter((folder) => !folder.includes("node_modules"));
  const env = {
    ...internet.env,
    HOME: home,
    PATH: [join(home, "global/bin"), join(home, "node"), ...system].join(":"),
    DOCKER_HOST: `unix://${docker.socket}`,
    DOCKER_CONFIG: undefined,
    VARVE_CACHE_DIR: undefined,
    XDG_CACHE_HOME: undefined,
    CI: undefined,
    // What npm has fetched once needn't be fetched again.
    npm_config_cache: (await mustRun(["npm", "config", "get", "cache"])).trim(),
    npm_config_prefix: join(home, "global"),
    NEXT_TELEMETRY_DISABLED: "1",
    // What the pages take for granted.
    REGISTRY_TOKEN: ACCOUNT.password,
  };

  let folder = home;
  const stays = join(home, "folder");
  const shell: Newcomer["shell"] = (text, more = {}) => {
    const program = more.program ?? ["bash", "--norc", "-euo", "pipefail"];
    const remembered = `trap 'pwd > "${stays}"' EXIT\n${text}`;
    const command = internet.inside([...program, "-c", remembered], folder);
    return run(command, { env: { ...env, ...more.env }, timeoutSeconds: 500 }).finally(() => {
      if (existsSync(stays)) folder = readFileSync(stays, "utf8").trim();
    });
  };
  const mustShell: Newcomer["mustShell"] = async (text, more) => {
    const { code, stdout, stderr } = await shell(text, more);
    if (code !== 0) throw new Error(`${text}\nended with ${code}\n${stdout}\n${stderr}`);
    return stdout.toString();
  };

  for (const [make, names] of [
    [officialNode, BASES.official],
    [distrolessNode, BASES.distroless],
  ] as const) {
    const spec = await make(home);
    const push = names.flatMap((name) => ["--push", name]);
    const build = [...builtCommand, "build", spec, ...QUICKLY, ...push];
    await mustRun(internet.inside(build), { env });
  }

  return {
    home,
    shell,
    mustShell,
    write(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    },
    begin(page) {
      folder = join(home, page.replaceAll("/", "-").replace(/\.md$/, ""));
      mkdirSync(folder);
      symlinkSync(join(home, "varve"), join(folder, "varve"));
    },
  };
}

/** Writes the service of `docs/node.md` into a folder, as a checkout of it has it. */
export function writeService(newcomer: Newcomer, folder: string): void {
  const files = blocksOf("docs/node.md").filter(({ isFile }) => isFile);
  for (const name of ["package.json", "tsconfig.json", "src/server.ts"]) {
    newcomer.write(join(folder, name), files.find(({ path }) => path === name)!.text);
  }
}
