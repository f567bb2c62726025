/** Finds what is installed in an image's root, and which files are whose. */
import type { RootEntry, RootTree } from "#flatten";
import { compareNames, decodeName } from "#util";
import { isApk, readApk } from "./apk.ts";
import { Claims } from "./claims.ts";
import { isDpkg, readDpkg } from "./dpkg.ts";
import { isUpkeep, UPKEEP } from "./folders.ts";
import { isNode, nodePackageOf, readNode, yarnPackage } from "./node.ts";
import { isPython, readPython } from "./python.ts";
import { isRpm, readRpm } from "./rpm.ts";
import type { InstalledPackage, ReadEntry, Reading } from "./types.ts";

/** What is installed in a root. */
export interface Packages {
  /** By id. */
  readonly packages: ReadonlyMap<string, InstalledPackage>;
  /**
   * The id of the package that a file is of; that of what every update changes; or undefined for neither.
   * @param path from the root, without a slash in front
   */
  ownerOf(path: string, entry: RootEntry): string | undefined;
}

/** No real database has a larger file. */
export const MAX_DATABASE_FILE = 64 * 1024 * 1024;

/** No real image has more in all of them. */
const MAX_DATABASES = 512 * 1024 * 1024;

/**
 * Reads the databases of packages in a root: dpkg's, apk's, rpm's, Python's `*.dist-info`, `node_modules`. They are believed in
 * nothing but which files go together: a database that is damaged or lies names other files, or none.
 * @param read reads a file of the root, of at most {@link MAX_DATABASE_FILE} bytes
 */
export async function readPackages(tree: RootTree, read: ReadEntry): Promise<Packages> {
  const found: [string, RootEntry][] = [];
  for (const [path, entry] of tree.entries()) {
    const isPart = isNode(path) || isDpkg(path) || isPython(path) || isApk(path) || isRpm(path);
    if (isPart && entry.kind === "file") found.push([path, entry]);
  }
  const files = new Map(found.sort(([a], [b]) => compareNames(a, b)));
  const packages = new Map<string, InstalledPackage>();
  const claims = new Claims(tree);
  let left = MAX_DATABASES;
  const bytes = async (path: string): Promise<Buffer | undefined> => {
    const entry = files.get(path);
    if (entry === undefined || entry.entry.size > Math.min(left, MAX_DATABASE_FILE)) return undefined;
    left -= entry.entry.size;
    return await read(entry);
  };
  const text = async (path: string): Promise<string> => {
    const found = await bytes(path);
    return found === undefined ? "" : decodeName(found);
  };
  const reading: Reading = { tree, files, bytes, text, claims, packages };
  // What a system's package manager has brought, it updates.
  for (const readOne of [readDpkg, readApk, readRpm, readPython, readNode]) await readOne(reading);
  return {
    packages,
    ownerOf(path, { kind }) {
      if (isUpkeep(path)) return UPKEEP;
      const claimed = claims.ownerOf(path);
      if (claimed !== undefined) return claimed;
      const node = nodePackageOf(path);
      if (node !== undefined) {
        const yarn = packages.has(node) ? undefined : yarnPackage(node);
        if (yarn !== undefined) packages.set(node, yarn);
        if (packages.has(node)) return node;
      }
      // Made when something was installed, so their times change with every installation.
      return kind === "symlink" ? UPKEEP : undefined;
    },
  };
}
