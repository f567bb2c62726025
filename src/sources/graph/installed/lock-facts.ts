/** What a lock file says of packages, whichever package manager wrote it. */
import { closeSync, openSync, readSync } from "node:fs";

/** A package as a lock file has it. */
export interface LockedPackage {
  readonly name: string;
  /** Undefined where the lock file doesn't say: of folders and archives, in some managers' files. */
  readonly version?: string | undefined;
  readonly integrity?: string | undefined;
  /** The names of what it needs, optional or not, which may be more than its `package.json` says. */
  readonly dependencies?: readonly string[] | undefined;
  /** Where it can be used, as `package.json` has it: `linux`, `!win32`; undefined if anywhere. */
  readonly os?: readonly string[] | undefined;
  readonly cpu?: readonly string[] | undefined;
  readonly libc?: readonly string[] | undefined;
}

/** Which package one name means to another. */
export interface Wish {
  /** The folder of the package that needs it, relative to the project. */
  readonly from: string;
  readonly name: string;
  /** As `package.json` has it. */
  readonly range: string;
}

/** A lock file, read. */
export interface LockFacts {
  readonly packages: LockedPackages;
  /** Which version the lock file has for a need, as far as it can tell. */
  readonly versionFor?: (wish: Wish) => string | undefined;
  /** Whether the lock file has a link to a folder for a need, where `package.json` need not say so. */
  readonly isLinked?: (wish: Wish) => boolean;
  /** Whether what the project has for a name may be another version than is asked for, where its own `package.json` need not say so. */
  readonly isReplaced?: (name: string) => boolean;
  /** Whether optional packages were left out on purpose. */
  readonly omitsOptional?: boolean;
}

/** A machine that packages are used on, in Node's words. */
export interface NodePlatform {
  readonly os: string;
  readonly cpu: string;
  /** `glibc` or `musl`, where it is known. */
  readonly libc?: string | undefined;
}

/** The packages of a lock file, by name. */
export class LockedPackages {
  readonly #byName = new Map<string, LockedPackage[]>();

  constructor(packages: Iterable<LockedPackage>) {
    for (const locked of packages) {
      const others = this.#byName.get(locked.name);
      if (others === undefined) this.#byName.set(locked.name, [locked]);
      else others.push(locked);
    }
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The package of this version, or one of this name whose version the lock file doesn't say. */
  find(name: string, version: string | undefined): LockedPackage | undefined {
    const all = this.#byName.get(name) ?? [];
    const wanted = version && plainVersion(version);
    const same = all.find(
      (locked) => locked.version !== undefined && plainVersion(locked.version) === wanted,
    );
    return same ?? all.find((locked) => locked.version === undefined);
  }

  /**
   * Whether a package of this name, if it is made for some platforms only, is made for this one. Undefined if it is made
   * for all, or none of this name is known.
   */
  isMadeFor(name: string, platform: NodePlatform): boolean | undefined {
    const picky = (this.#byName.get(name) ?? []).filter(isPicky);
    return picky.length === 0 ? undefined : picky.some((locked) => fitsPlatform(locked, platform));
  }
}

type Picks = Pick<LockedPackage, "os" | "cpu" | "libc">;

/** Whether a package can't be used everywhere. */
export function isPicky({ os, cpu, libc }: Picks): boolean {
  return os !== undefined || cpu !== undefined || libc !== undefined;
}

/** Whether a package can be used on a platform; what asks for a C library can't where that isn't known. */
export function fitsPlatform({ os, cpu, libc }: Picks, platform: NodePlatform): boolean {
  return matches(os, platform.os) && matches(cpu, platform.cpu) && matches(libc, platform.libc ?? "");
}

/** npm's rule: what has a `!` must not match, and of the rest, if there is any, one must. */
function matches(list: readonly string[] | undefined, value: string): boolean {
  if (list === undefined || list.includes("any")) return true;
  if (list.includes(`!${value}`)) return false;
  const wanted = list.filter((item) => !item.startsWith("!"));
  return wanted.length === 0 || wanted.includes(value);
}

/** Some packages write their version with a `v`, or with build metadata, which lock files leave out. */
export function plainVersion(version: string): string {
  return version
    .trim()
    .replace(/^[v=]+/, "")
    .replace(/\+.*$/, "");
}

/** The platform of this process. */
export function thisPlatform(): NodePlatform {
  return { os: process.platform, cpu: process.arch, libc: libcHere() };
}

let libc: string | undefined;

/** Enough of a program to have the name of its loader, which comes right after the headers. */
const HEAD = 4096;

function libcHere(): string | undefined {
  if (process.platform !== "linux") return undefined;
  libc ??= libcOfProgram(process.execPath) ?? libcOfReport();
  return libc;
}

/** The C library of a program, by its loader; undefined where that doesn't tell. */
export function libcOfProgram(path: string): string | undefined {
  let head: string;
  try {
    const file = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(HEAD);
      head = bytes.toString("latin1", 0, readSync(file, bytes, 0, HEAD, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
  if (head.includes("/ld-musl-")) return "musl";
  return head.includes("/ld-linux") ? "glibc" : undefined;
}

/** Node's own word, which takes it longer than to read all the packages of a small project. */
function libcOfReport(): string {
  // Without this, it may ask the network for the names of those that this process is connected with.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  return header?.glibcVersionRuntime === undefined ? "musl" : "glibc";
}
