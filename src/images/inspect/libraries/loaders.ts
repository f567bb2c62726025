/** Dynamic loaders, and where each looks for libraries: ld.so(8), and musl's `ldso/dynlink.c`. */
import { posix } from "node:path";
import type { Elf } from "../elf/index.ts";
import type { ImageRoot } from "../root.ts";

export interface Loader {
  readonly path: string;
  readonly libc: "glibc" | "musl";
  /** Names and paths of `ld.so.cache`. */
  readonly cache: ReadonlyMap<string, readonly string[]>;
  /** The folders that it searches last. */
  readonly folders: readonly string[];
}

/** Where the loaders of a machine are, by `e_machine` and bits. */
const PLACES: Readonly<
  Record<string, { readonly glibc: readonly string[]; readonly musl: readonly string[] }>
> = {
  "62-64": { glibc: ["/lib64/ld-linux-x86-64.so.2"], musl: ["/lib/ld-musl-x86_64.so.1"] },
  "62-32": { glibc: ["/libx32/ld-linux-x32.so.2"], musl: [] },
  "3-32": { glibc: ["/lib/ld-linux.so.2"], musl: ["/lib/ld-musl-i386.so.1"] },
  "183-64": {
    glibc: ["/lib/ld-linux-aarch64.so.1", "/lib64/ld-linux-aarch64.so.1"],
    musl: ["/lib/ld-musl-aarch64.so.1"],
  },
  "40-32": {
    glibc: ["/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3"],
    musl: ["/lib/ld-musl-armhf.so.1", "/lib/ld-musl-arm.so.1"],
  },
  "21-64": { glibc: ["/lib64/ld64.so.2"], musl: ["/lib/ld-musl-powerpc64le.so.1"] },
  "22-64": { glibc: ["/lib/ld64.so.1"], musl: ["/lib/ld-musl-s390x.so.1"] },
  "243-64": { glibc: ["/lib/ld-linux-riscv64-lp64d.so.1"], musl: ["/lib/ld-musl-riscv64.so.1"] },
  "258-64": { glibc: ["/lib64/ld-linux-loongarch-lp64d.so.1"], musl: ["/lib/ld-musl-loongarch64.so.1"] },
};

const MUSL_FOLDERS = ["/lib", "/usr/local/lib", "/usr/lib"];

/** The loaders of an image. */
export class Loaders {
  readonly #root: ImageRoot;
  readonly #known = new Map<string, Loader | undefined>();
  #cache: Loader["cache"] | undefined;

  constructor(root: ImageRoot) {
    this.#root = root;
  }

  /** The loader at a path; undefined if it isn't there, or is none that is known. */
  at(path: string): Loader | undefined {
    if (!this.#known.has(path)) this.#known.set(path, this.#open(path));
    return this.#known.get(path);
  }

  /** The loader of programs for a machine, where the file itself doesn't say which; that of the libc it is made for, if both are there. */
  for(elf: Elf): Loader | undefined {
    const { glibc = [], musl = [] } = PLACES[`${elf.machine}-${elf.bits}`] ?? {};
    const isForMusl = elf.needed.some((name) => name === "libc.so" || name.startsWith("libc.musl-"));
    for (const place of isForMusl ? [...musl, ...glibc] : [...glibc, ...musl]) {
      const loader = this.at(place);
      if (loader !== undefined) return loader;
    }
    return undefined;
  }

  #open(path: string): Loader | undefined {
    const found = this.#root.resolve(path);
    if (found.kind !== "found" || found.node.root.kind !== "file") return undefined;
    const [, machine] = /^ld-musl-(.+)\.so\.1$/.exec(posix.basename(path)) ?? [];
    if (machine !== undefined) return this.#musl(path, machine);
    if (!/^ld(?:-linux.*|64|-2\.\d+)?\.so(?:\.\d)?$/.test(posix.basename(path))) return undefined;
    const { folders = usualFolders(`/${found.path}`) } = this.#root.facts(found.node.root);
    return { path, libc: "glibc", cache: this.#loaderCache(), folders };
  }

  #musl(path: string, machine: string): Loader {
    const prefix = posix.dirname(posix.dirname(path));
    const text = this.#root.text(`${prefix === "/" ? "" : prefix}/etc/ld-musl-${machine}.path`);
    const folders = text?.split(/[\n:]/).filter((folder) => folder !== "") ?? MUSL_FOLDERS;
    return { path, libc: "musl", cache: new Map(), folders };
  }

  #loaderCache(): Loader["cache"] {
    if (this.#cache !== undefined) return this.#cache;
    const cache = new Map<string, string[]>();
    for (const line of (this.#root.text("/etc/ld.so.cache") ?? "").split("\n")) {
      const [name = "", path] = line.split("\t");
      if (path === undefined) continue;
      const paths = cache.get(name);
      if (paths === undefined) cache.set(name, [path]);
      else paths.push(path);
    }
    this.#cache = cache;
    return cache;
  }
}

/** Where a loader may look that doesn't say it: beside itself, and where distributions have libraries. */
function usualFolders(path: string): string[] {
  return [...new Set([posix.dirname(path), "/lib64", "/usr/lib64", "/lib", "/usr/lib"])];
}
