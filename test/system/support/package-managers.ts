/** The package managers of Node.js, which npm installs, and what a project is installed with. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { keptFolder } from "./kept.ts";

type Command = readonly [string, ...string[]];

/** How a project is installed: by what, and with which files beside its `package.json`. */
export interface Manager {
  readonly command: (tools: string) => Command;
  readonly files?: Readonly<Record<string, string>>;
  /** What Node is started with. */
  readonly node?: readonly string[];
}

/** bun is a program for one platform. */
const BUN = `@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;

/** What npm installs. */
export const MANAGERS = ["pnpm@10.34.9", "yarn@1.22.22", "@yarnpkg/cli-dist@4.18.1", `${BUN}@1.4.5`];

export const npm: Manager = {
  command: () => ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"],
};

export const pnpm = (...options: string[]): Manager => ({
  command: (tools) => [
    process.execPath,
    join(tools, "pnpm/bin/pnpm.cjs"),
    "install",
    "--ignore-scripts",
    ...options,
  ],
});

export const yarn1: Manager = {
  command: (tools) => [process.execPath, join(tools, "yarn/bin/yarn.js"), "install", "--ignore-scripts"],
};

export const yarn4 = (linker: string): Manager => ({
  command: (tools) => [
    process.execPath,
    join(tools, "@yarnpkg/cli-dist/bin/yarn.js"),
    "install",
    "--no-immutable",
  ],
  files: {
    ".yarnrc.yml": `nodeLinker: ${linker}\nenableScripts: false\nenableGlobalCache: false\n`,
    "yarn.lock": "",
  },
  node: linker === "pnp" ? ["-r", "./.pnp.cjs"] : [],
});

export const bun = (linker: string): Manager => ({
  command: (tools) => [join(tools, BUN, "bin/bun"), "install", "--ignore-scripts", "--linker", linker],
});

/** The folder that has the managers' packages; they are installed when they are first asked for. */
export async function managers(): Promise<string> {
  const hash = createHash("sha256").update(MANAGERS.join(" ")).digest("hex").slice(0, 16);
  const folder = await keptFolder(`managers-${hash}`, async (made) => {
    writeFileSync(join(made, "package.json"), "{}");
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    await mustRun(["npm", "install", ...options, ...MANAGERS], { cwd: made });
  });
  return join(folder, "node_modules");
}

/** An environment in which what managers keep for other projects is in a folder. */
export function managersEnv(
  folder: string,
  { isYarn1 }: { readonly isYarn1: boolean },
): Record<string, string | undefined> {
  return {
    npm_config_store_dir: join(folder, "pnpm-store"),
    YARN_CACHE_FOLDER: isYarn1 ? join(folder, "yarn-cache") : undefined,
    YARN_ENABLE_TELEMETRY: "0",
    YARN_GLOBAL_FOLDER: join(folder, "yarn-global"),
    BUN_INSTALL_CACHE_DIR: join(folder, "bun-cache"),
  };
}
