/** Loads programs and libraries as their loaders would, and tells what is missing. Nothing is run. */
import { posix } from "node:path";
import { type Elf, isSameMachine } from "../elf/index.ts";
import type { ImageRoot } from "../root.ts";
import type { Loader } from "./loaders.ts";

/** A file that is loaded, and what loaded it. */
export interface Loaded {
  /** Absolute, without links. */
  readonly path: string;
  /** The folder that `$ORIGIN` means. */
  readonly origin: string;
  readonly elf: Elf;
  readonly parent: Loaded | undefined;
}

/** What a loader would complain about. */
export type LoadFault =
  | {
      readonly kind: "library";
      readonly by: string;
      readonly name: string;
      readonly elsewhere: "broken" | undefined;
    }
  | {
      readonly kind: "version";
      readonly by: string;
      readonly version: string;
      /** The library that doesn't have it. */
      readonly library: string;
      readonly has: readonly string[];
    };

/** Where a name leads: to a file, to something that isn't known, or nowhere. */
type Located =
  | { readonly path: string; readonly origin: string; readonly elf: Elf }
  | "unsure"
  | "broken"
  | undefined;

export interface LoadResult {
  /** All that was loaded, the file itself first. */
  readonly loaded: readonly Loaded[];
  readonly faults: readonly LoadFault[];
}

/** musl has all of these in its one library. */
const MUSL_OWN = /^lib(?:c|pthread|rt|m|dl|util|xnet)\./;

export class LibrarySearch {
  readonly #root: ImageRoot;
  readonly #environment: readonly string[];
  readonly #located = new Map<string, Located>();

  /** @param environment the folders of `LD_LIBRARY_PATH` */
  constructor(root: ImageRoot, environment: readonly string[]) {
    this.#root = root;
    this.#environment = environment;
  }

  /**
   * Loads a file with all that it needs, breadth first, as loaders do: a library that was loaded for another counts for all.
   * @param host a program that has loaded its own libraries before
   */
  load(file: Omit<Loaded, "parent">, { loader, host }: { loader: Loader; host?: LoadResult }): LoadResult {
    const start: Loaded = { ...file, parent: host?.loaded[0] };
    const queue: Loaded[] = [start];
    const byName = new Map<string, Loaded | "unsure" | "missing">();
    // The loader is there before all else, wherever it is, and is found by its own name.
    const own = this.#open(loader.path, file.elf);
    if (typeof own === "object") register(byName, { ...own, parent: undefined });
    for (const loaded of host?.loaded ?? []) register(byName, loaded);
    register(byName, start);
    const faults: LoadFault[] = [];
    for (let at = 0; at < queue.length; at++) {
      const by = queue[at]!;
      for (const name of by.elf.needed) {
        const known = byName.get(name);
        if ((known !== undefined && known !== "missing") || (loader.libc === "musl" && MUSL_OWN.test(name)))
          continue;
        const isLoader = loader.libc === "glibc" && name === posix.basename(loader.path);
        const located = this.#locate(name, by, loader);
        if (located === undefined && isLoader) {
          // It is there before all others, and needn't be found again.
          byName.set(name, "unsure");
        } else if (located === undefined || located === "broken") {
          faults.push({ kind: "library", by: by.path, name, elsewhere: located });
          byName.set(name, "missing");
        } else if (located === "unsure") {
          byName.set(name, "unsure");
        } else {
          const same = queue.find(({ path }) => path === located.path);
          const loaded = same ?? { ...located, parent: by };
          byName.set(name, loaded);
          if (same === undefined) {
            register(byName, loaded);
            queue.push(loaded);
          }
        }
      }
    }
    if (loader.libc === "glibc") for (const loaded of queue) faults.push(...versionFaults(loaded, byName));
    return { loaded: queue, faults };
  }

  #locate(name: string, by: Loaded, loader: Loader): Located {
    if (name.includes("/")) return this.#open(expand(name, by)[0] ?? name, by.elf);
    const folders = foldersFor(by, { loader, environment: this.#environment });
    const key = [name, by.elf.bits, by.elf.machine, loader.path, ...folders].join("\0");
    if (!this.#located.has(key)) {
      const last = by.elf.noDefaultFolders
        ? []
        : [...(loader.cache.get(name) ?? []), ...loader.folders.map(inFolder(name))];
      this.#located.set(key, this.#first([...folders.map(inFolder(name)), ...last], by.elf));
    }
    return this.#located.get(key);
  }

  /** The first of some paths where there is a library for the same machine. */
  #first(paths: readonly string[], elf: Elf): Located {
    for (const path of paths) {
      const located = this.#open(path, elf);
      if (located !== undefined) return located;
    }
    return undefined;
  }

  #open(path: string, { machine, bits, isBigEndian }: Elf): Located {
    const found = this.#root.resolve(path);
    if (found.kind === "mounted") return "unsure";
    if (found.kind !== "found" || found.node.root.kind !== "file") return undefined;
    const { elf } = this.#root.facts(found.node.root);
    if (elf === undefined || elf === "broken") return "broken";
    if (!isSameMachine(elf, { machine, bits, isBigEndian })) return undefined;
    return { path: `/${found.path}`, origin: posix.dirname(path), elf };
  }
}

const inFolder = (name: string) => (folder: string) => `${folder}/${name}`;

function register(names: Map<string, Loaded | "unsure" | "missing">, loaded: Loaded): void {
  const { path, elf } = loaded;
  for (const name of [posix.basename(path), elf.soname]) {
    if (name !== undefined && !names.has(name)) names.set(name, loaded);
  }
}

/** The folders that are searched before those that are the same for all. */
function foldersFor(
  by: Loaded,
  { loader, environment }: { loader: Loader; environment: readonly string[] },
): string[] {
  if (loader.libc === "musl") return [...environment, ...chain(by).flatMap((each) => pathsOf(each, "musl"))];
  const { runpath } = by.elf;
  if (runpath !== undefined) return [...environment, ...pathsOf(by, "runpath")];
  return [...chain(by).flatMap((each) => pathsOf(each, "rpath")), ...environment];
}

/** A file, what loaded it, what loaded that, … */
function chain(start: Loaded): Loaded[] {
  const all: Loaded[] = [];
  for (let at: Loaded | undefined = start; at !== undefined; at = at.parent) all.push(at);
  return all;
}

function pathsOf(by: Loaded, which: "rpath" | "runpath" | "musl"): string[] {
  const { rpath = [], runpath } = by.elf;
  // A file with a RUNPATH has no RPATH that counts.
  const paths =
    which === "rpath" ? (runpath === undefined ? rpath : []) : (runpath ?? (which === "musl" ? rpath : []));
  return paths.flatMap((path) => expand(path, by));
}

const TRIPLETS: Readonly<Record<number, string>> = { 62: "x86_64-linux-gnu", 183: "aarch64-linux-gnu" };

/** What a path with `$ORIGIN` and the like may mean. Others than absolute ones depend on where the program is started. */
function expand(path: string, { origin, elf }: Loaded): string[] {
  const here = path.replace(/\$(?:ORIGIN\b|\{ORIGIN\})/g, () => origin);
  if (!here.startsWith("/")) return [];
  if (!here.includes("$")) return [here];
  const library = ["lib64", `lib/${TRIPLETS[elf.machine] ?? ""}`, "lib"];
  return library.map((name) => here.replace(/\$(?:LIB\b|\{LIB\})/g, name));
}

/** A version may be missing only of a library that has versions at all. */
function* versionFaults(
  by: Loaded,
  names: ReadonlyMap<string, Loaded | "unsure" | "missing">,
): Generator<LoadFault, void, void> {
  for (const { file, versions } of by.elf.neededVersions) {
    const library = names.get(file);
    if (library === undefined || typeof library === "string" || library.elf.isUnsure) continue;
    const has = library.elf.versions;
    if (has.length === 0) continue;
    for (const version of versions) {
      if (!has.includes(version)) yield { kind: "version", by: by.path, version, library: library.path, has };
    }
  }
}
