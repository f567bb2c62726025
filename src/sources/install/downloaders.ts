/** Programs that packages fetch ready-made files with when they are installed, and how these are asked for another platform. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { type NodePlatform, readManifest } from "#graph";
import { nativesIn } from "./natives.ts";
import type { Package } from "./package.ts";
import { complaint, type Programs, runProgram } from "./run.ts";
import { platformName } from "./target.ts";

/** A program that fetches files, by the name that scripts call it by. */
interface Downloader {
  readonly packages: readonly string[];
  /** The words of a script that aren't passed on: what is done if there is nothing to fetch. */
  readonly without?: RegExp;
  readonly more?: (platform: NodePlatform) => readonly string[];
}

const DOWNLOADERS: Readonly<Record<string, Downloader>> = {
  "prebuild-install": { packages: ["prebuild-install"] },
  "node-pre-gyp": {
    packages: ["@mapbox/node-pre-gyp", "node-pre-gyp", "@discordjs/node-pre-gyp"],
    without: /^--(?:fallback-to-build|build-from-source)/,
    more: ({ os, cpu, libc }) => [
      ...[`--target_platform=${os}`, `--target_arch=${cpu}`],
      ...(libc === undefined ? [] : [`--target_libc=${libc}`]),
    ],
  },
  "install-from-cache": { packages: ["install-artifact-from-github"] },
};

/** Which of them a package's script calls, and with what. */
export function downloaderOf(script: string): { name: string; args: readonly string[] } | undefined {
  for (const command of script.split(/&&|\|\||;/)) {
    const [name = "", ...args] = command.trim().split(/\s+/);
    if (Object.hasOwn(DOWNLOADERS, name)) return { name, args };
  }
  return undefined;
}

/** Whether a package's script fetches or compiles machine code, as far as its words tell. */
export function makesNatives(script: string): boolean {
  return downloaderOf(script) !== undefined || /\b(?:node-gyp(?!-build)|cmake-js|cargo)\b/.test(script);
}

export interface FetchOptions {
  readonly platform: NodePlatform;
  /** The version of Node.js in the image, if it is known; this machine's else. */
  readonly nodeVersion: string | undefined;
  readonly programs: Programs;
  /** Nothing above this folder is looked at. */
  readonly root: string;
}

/**
 * Has a package fetch its files for a platform, without compiling anything.
 * @returns why there are none; undefined if there are
 * @throws VarveError `ABORTED`
 */
export async function fetchNatives(
  { folder, script }: Package,
  { platform, nodeVersion, programs, root }: FetchOptions,
): Promise<string | undefined> {
  const called = downloaderOf(script)!;
  const { packages, without, more } = DOWNLOADERS[called.name]!;
  const file = await programFile(folder, { root, name: called.name, packages });
  const node = await programs.find("node");
  if (file === undefined || node === undefined) {
    return `${called.name}, which fetches files for it, isn't there`;
  }
  const args = [...called.args.filter((word) => without?.test(word) !== true), ...(more?.(platform) ?? [])];
  const finished = await runProgram([node, file, ...args], {
    ...programs,
    cwd: folder,
    variables: variablesFor(platform, nodeVersion),
  });
  if (!finished.isDone) {
    return `${called.name} found no files for it: ${complaint(finished.output)}`;
  }
  const natives = nativesIn(folder).filter(({ os, cpu }) => os === platform.os && cpu === platform.cpu);
  return natives.length > 0
    ? undefined
    : `what ${called.name} has fetched isn't made for ${platformName(platform)}`;
}

/** What such programs ask the environment. */
function variablesFor({ os, cpu, libc }: NodePlatform, nodeVersion: string | undefined) {
  return {
    npm_config_platform: os,
    npm_config_arch: cpu,
    npm_config_libc: libc,
    npm_config_target_platform: os,
    npm_config_target_arch: cpu,
    npm_config_target_libc: libc,
    npm_config_platform_arch: cpu,
    npm_config_build_from_source: undefined,
    npm_config_target: nodeVersion,
    LIBC: libc,
  };
}

/** The file of a program, found as Node finds the package that it is in. */
async function programFile(
  from: string,
  { root, name, packages }: { root: string; name: string; packages: readonly string[] },
): Promise<string | undefined> {
  for (let folder = realpathSync(from); folder.startsWith(root); folder = dirname(folder)) {
    for (const each of packages) {
      const place = join(folder, "node_modules", each);
      if (!existsSync(join(place, "package.json"))) continue;
      const bin = (await readManifest(place))?.["bin"];
      const file = typeof bin === "string" ? bin : (bin as Record<string, unknown> | undefined)?.[name];
      if (typeof file === "string") return join(place, file);
    }
  }
  return undefined;
}
