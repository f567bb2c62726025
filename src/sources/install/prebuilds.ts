/** Packages that bring machine code for several platforms, among which they choose by name when they are loaded. */
import { existsSync, readdirSync } from "node:fs";
import type { NodePlatform } from "#graph";
import { fsPath } from "#util";

/** Where `prebuildify` puts them, and who follows it. */
const FOLDER = "prebuilds";

/** `linux-x64`, `darwin-x64+arm64`, `linuxmusl-arm64`: a folder of `.node` files, or one of them by itself. */
const PLATFORM = /^([a-z0-9]+?)(musl)?-([a-z0-9]+(?:\+[a-z0-9]+)*)(\.node)?$/;

/** What is there for each platform, by path relative to the package's folder. */
export interface Prebuilds {
  /** Files and folders for other platforms. */
  readonly foreign: readonly string[];
  /** Whether there is machine code for this one. */
  readonly fits: boolean;
}

/** Looks at what a package brings: folders with files such as `node.napi.musl.node`, as `node-gyp-build` chooses from, or such files side by side. */
export function prebuildsIn(folder: string, { os, cpu, libc }: NodePlatform): Prebuilds {
  const foreign: string[] = [];
  let fits = false;
  const platforms = namesIn(`${folder}/${FOLDER}`);
  for (const platform of platforms) {
    const [, system, musl, cpus, isFile] = PLATFORM.exec(platform) ?? [];
    if (system === undefined) continue;
    const path = `${FOLDER}/${platform}`;
    // What names no C library is for glibc where another beside it is for musl, and else for both.
    const isForMusl = musl !== undefined;
    const hasMusl = platforms.includes(`${system}musl-${cpus}${isFile ?? ""}`);
    const isForOtherLibc = libc !== undefined && isForMusl !== (libc === "musl" && (hasMusl || isForMusl));
    if (system !== os || !cpus!.split("+").includes(cpu) || isForOtherLibc) {
      foreign.push(path);
      continue;
    }
    const files = isFile ? [] : namesIn(`${folder}/${path}`).filter((name) => name.endsWith(".node"));
    const others = files.filter((name) => isForOther(name, libc));
    foreign.push(...others.map((name) => `${path}/${name}`));
    fits ||= isFile !== undefined || others.length < files.length;
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
