/** Packages that bring files for several platforms, in the folders that `node-gyp-build` and its like choose from. */
import { existsSync, readdirSync } from "node:fs";
import type { NodePlatform } from "#graph";
import { fsPath } from "#util";

/** Where `prebuildify` puts them. */
const FOLDER = "prebuilds";

/** What is there for each platform, by path relative to the package's folder. */
export interface Prebuilds {
  /** Files and folders for other platforms. */
  readonly foreign: readonly string[];
  /** Whether there is a folder for this one. */
  readonly fits: boolean;
}

/** Looks at what a package brings: folders such as `linux-x64` and `darwin-x64+arm64`, with files such as `node.napi.musl.node`. */
export function prebuildsIn(folder: string, { os, cpu, libc }: NodePlatform): Prebuilds {
  const foreign: string[] = [];
  let fits = false;
  for (const platform of namesIn(`${folder}/${FOLDER}`)) {
    const [, system, cpus] = /^([a-z0-9]+)-([a-z0-9]+(?:\+[a-z0-9]+)*)$/.exec(platform) ?? [];
    if (system === undefined) continue;
    const path = `${FOLDER}/${platform}`;
    if (system !== os || !cpus!.split("+").includes(cpu)) {
      foreign.push(path);
      continue;
    }
    const files = namesIn(`${folder}/${path}`).filter((name) => name.endsWith(".node"));
    const others = files.filter((name) => isForOther(name, libc));
    foreign.push(...others.map((name) => `${path}/${name}`));
    fits ||= others.length < files.length;
  }
  return { foreign, fits };
}

/** Whether a file's name has the tag of another C library. */
function isForOther(name: string, libc: string | undefined): boolean {
  const tags = name.split(".");
  return libc !== undefined && ["glibc", "musl"].some((tag) => tag !== libc && tags.includes(tag));
}

function namesIn(folder: string): string[] {
  const path = fsPath(folder);
  // Hardly any package has it, and an error takes ten times as long to make as this question.
  if (!existsSync(path)) return [];
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
