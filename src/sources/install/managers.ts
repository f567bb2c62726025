/** How each package manager is asked for another platform's packages, from the lock file alone and without scripts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { VarveError } from "#errors";
import type { NodePlatform, NodeProject, PackageManager } from "#graph";
import type { Programs } from "./run.ts";

/** What is installed. */
export interface Wanted {
  readonly platform: NodePlatform;
  readonly omitDev: boolean;
}

/** A command line, and what else the private folder must have. */
export interface InstallCommand {
  readonly command: readonly [string, ...string[]];
  readonly variables: Readonly<Record<string, string | undefined>>;
}

const ARGUMENTS: Readonly<Record<PackageManager, (wanted: Wanted) => readonly string[]>> = {
  npm: ({ platform, omitDev }) => [
    "ci",
    ...platformOptions(platform),
    ...(omitDev ? ["--omit=dev"] : []),
    ...["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--no-update-notifier"],
  ],
  pnpm: ({ platform, omitDev }) => [
    ...["install", "--frozen-lockfile", "--ignore-scripts"],
    ...platformOptions(platform),
    ...(omitDev ? ["--prod"] : []),
    // Packages must lie within the folder, and nobody is asked.
    ...["--config.enable-global-virtual-store=false", "--config.confirm-modules-purge=false"],
    "--reporter=append-only",
  ],
  // The platform is in its settings, see `inputs.ts`; packages for development are installed, and not read.
  yarn: () => ["install", "--immutable", "--mode=skip-build"],
  // It knows no other platform, so all platforms' packages are installed, and those of others not read.
  "yarn-classic": ({ omitDev }) => [
    ...["install", "--frozen-lockfile", "--ignore-scripts", "--ignore-platform", "--non-interactive"],
    ...["--no-progress", ...(omitDev ? ["--production"] : [])],
  ],
  bun: ({ platform, omitDev }) => [
    ...["install", "--frozen-lockfile", "--ignore-scripts", ...platformOptions(platform)],
    ...(omitDev ? ["--production"] : []),
  ],
};

function platformOptions({ os, cpu, libc }: NodePlatform): string[] {
  return [`--os=${os}`, `--cpu=${cpu}`, ...(libc === undefined ? [] : [`--libc=${libc}`])];
}

/** What managers' own environment variables say that isn't for this installation. */
const VARIABLES: Readonly<Record<string, string | undefined>> = {
  CI: "true",
  // The options say which packages are wanted.
  NODE_ENV: undefined,
  npm_config_global: undefined,
  npm_config_prefix: undefined,
  npm_config_omit: undefined,
  npm_config_include: undefined,
  npm_config_workspace: undefined,
  YARN_ENABLE_SCRIPTS: "false",
};

/**
 * The command that installs a project's packages.
 * @param yarnPath the project's own copy of yarn, relative to its root
 * @throws VarveError `NOT_FOUND` if the project's package manager isn't there
 */
export async function managerCommand(
  { manager, root }: NodeProject,
  wanted: Wanted,
  { programs, yarnPath }: { readonly programs: Programs; readonly yarnPath: string | undefined },
): Promise<InstallCommand> {
  const args = ARGUMENTS[manager](wanted);
  const name = manager === "yarn-classic" ? "yarn" : manager;
  const command = (...words: [string, ...string[]]): InstallCommand => ({
    command: [...words, ...args],
    variables: VARIABLES,
  });
  if (yarnPath !== undefined && existsSync(join(root, yarnPath))) {
    const node = await programs.find("node");
    if (node !== undefined) return command(node, join(root, yarnPath));
  }
  const program = await programs.find(name);
  if (program !== undefined) return command(program);
  const corepack = manager === "npm" || manager === "bun" ? undefined : await programs.find("corepack");
  if (corepack !== undefined) return command(corepack, name);
  throw new VarveError(
    "NOT_FOUND",
    `packages for another platform are installed by the project's own package manager, and ${name} can't be found; install it, or put it on PATH`,
  );
}
