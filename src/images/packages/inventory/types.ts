/** What an image's root says of the packages that are installed in it. */
import type { RootTree } from "#flatten";

/** As package URLs call them; `generic` is Node.js itself. */
export type PackageKind = "deb" | "apk" | "rpm" | "pypi" | "npm" | "nix" | "generic";

/** A package, with all that is said of it. */
export interface FoundPackage {
  /** `dpkg:libc6:amd64`, `apk:musl`, `rpm:bash.x86_64`; of others the folder or file that says that it is there. */
  readonly id: string;
  readonly kind: PackageKind;
  readonly name: string;
  /** Empty where nothing says it. */
  readonly version: string;
  readonly architecture?: string;
  /** What it was built from, where that has another name or version. */
  readonly source?: { readonly name: string; readonly version?: string };
  /** As the package has it; where its words are Debian's, in SPDX's. */
  readonly licence?: string;
  readonly supplier?: string;
  readonly author?: string;
  /** The ids of what it needs, as far as it is there. */
  readonly needs: readonly string[];
  /** Where it is, from the root; absent for those whose files are all over it. */
  readonly place?: string;
  /** Whether it is made from its own sources here, as a project is. */
  readonly isApplication?: true;
  /** The layer that it is in, counted from 0 at the bottom. */
  readonly layer: number;
}

/** Which distribution a root is of. */
export interface Distribution {
  /** Such as `debian`. */
  readonly id: string;
  /** Such as `12`; empty for one that has none. */
  readonly version: string;
  readonly name: string;
  readonly layer: number;
}

/** What is installed in a root. */
export interface Inventory {
  readonly distribution?: Distribution;
  /** In the order of their ids. */
  readonly packages: readonly FoundPackage[];
}

/** A root, and the texts of those of its files that say something of packages. */
export interface InventoryRoot {
  readonly tree: RootTree;
  /** The paths of those files, in order. */
  readonly paths: readonly string[];
  bytes(path: string): Buffer | undefined;
  /** Empty for what isn't there. */
  text(path: string): string;
}

/** A package whose needs are still names. */
export type Unresolved = Omit<FoundPackage, "needs">;

/** The layer of a path, or of another if that isn't there. */
export function layerOf(tree: RootTree, ...paths: readonly (string | undefined)[]): number {
  for (const path of paths) {
    const found = path === undefined ? undefined : tree.entry(path);
    if (found !== undefined) return found.layer;
  }
  return 0;
}

/** What can be shown on one line, and is no longer than a real one; else nothing. */
export function lineIn(text: unknown, most = 500): string | undefined {
  if (typeof text !== "string") return undefined;
  const line = text.trim();
  return line === "" || line.length > most || /[\u0000-\u001f\u007f]/.test(line) ? undefined : line;
}

/** The given fields that are there. */
export function fields<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
