/** What lies in folders of a project's that become components, and is part of none. */
import { type Dirent, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { readError } from "#errors";
import { isOutside, isSource } from "./outside.ts";
import { type InstalledTree, isStore } from "./tree.ts";

/** What package managers and tools keep in `node_modules` for themselves. */
const STATE =
  /^\.(?:modules\.yaml|package-lock\.json|yarn-integrity|yarn-state\.yml|package-map\.json|pnpm-workspace-state.*|pnpm_patches|ignored|cache|vite|vite-temp)$/;

/** What has been found in units' folders, as paths relative to the project. */
export interface Found {
  /** What is in no component. */
  readonly left: readonly string[];
  /** Links to packages, and where these are. */
  readonly links: ReadonlyMap<string, string>;
}

/**
 * The paths, relative to the project, of what is in a reached unit's folder and in no component: packages that weren't
 * reached and links to them, package managers' own files, and scripts in `.bin`, which have this machine's paths in them.
 */
export function leftOut(tree: InstalledTree): Found {
  const { project, units } = tree;
  const left: string[] = [];
  const links = new Map<string, string>();
  const stores = new Set([...units].flatMap(([id, unit]) => (id === unit.id ? [] : [posix.dirname(id)])));

  const list = (id: string): Dirent[] | undefined => {
    const path = join(project.root, id);
    try {
      return readdirSync(path, { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw readError(path, error);
    }
  };
  /** Leaves out what of a folder isn't kept; false if that is all, and the folder itself is to be left out. */
  const sift = (id: string, isKept: (path: string, entry: Dirent) => boolean): boolean => {
    const entries = list(id);
    if (entries === undefined) return true;
    const out = entries
      .map((entry) => [`${id}/${entry.name}`, entry] as const)
      .filter(([path, entry]) => !isKept(path, entry));
    if (out.length === entries.length) return false;
    left.push(...out.map(([path]) => path));
    return true;
  };
  const isReached = (path: string): boolean => {
    const real = tree.realId(path);
    if (real === undefined || !units.has(ownerOf(tree, real) ?? "")) return false;
    links.set(path, real);
    return true;
  };
  const bin = (id: string): boolean => sift(id, (path, entry) => entry.isSymbolicLink() && isReached(path));

  /** @param isOwn whether the packages in this folder are part of the unit */
  const modules = (id: string, isOwn: boolean): boolean =>
    sift(id, (path, entry) => {
      const { name } = entry;
      if (STATE.test(name)) return false;
      if (name === ".bin") return bin(path);
      if (entry.isSymbolicLink()) return isReached(path);
      if (!entry.isDirectory()) return true;
      if (isStore(path) || (name.startsWith(".") && stores.has(path))) {
        return sift(
          path,
          (below, { name }) =>
            units.has(below) ||
            (name === "node_modules" && modules(below, false)) ||
            (name.startsWith("@") && sift(below, (each) => units.has(each))),
        );
      }
      if (name.startsWith("@")) return modules(path, isOwn);
      if (isOwn) binOf(path);
      return isOwn || name.startsWith(".") || units.has(path);
    });
  const whole = (id: string, isKept: boolean): void => {
    if (!isKept) left.push(id);
  };
  const binOf = (id: string): void => whole(`${id}/node_modules/.bin`, bin(`${id}/node_modules/.bin`));

  for (const [id, unit] of units) {
    const folder = posix.join(id, "node_modules");
    if (id !== unit.id) {
      whole(folder, modules(folder, true));
      binOf(unit.id);
    } else if (isSource(id)) whole(folder, modules(folder, false));
    else binOf(id);
  }
  // Links to the workspace's packages lie in the root, whose own files nobody asked for.
  if (!units.has(".")) {
    whole("node_modules", modules("node_modules", false));
    const names = (list(".") ?? []).map(({ name }) => name);
    left.push(...names.filter((name) => name !== "node_modules"));
  }
  left.push(".yarn");
  return { left, links };
}

/** The unit that a path is part of; undefined for a workspace package that wasn't reached. */
function ownerOf(tree: InstalledTree, path: string): string | undefined {
  const unit = tree.unitOf(path);
  if (unit !== path) return unit;
  const installed = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
  if (installed !== undefined) return installed;
  for (let folder = path; ; folder = posix.dirname(folder)) {
    if (tree.units.has(folder)) return folder;
    if (
      folder === "." ||
      (isOutside(folder) && posix.basename(folder) === "..") ||
      tree.project.workspaces.includes(folder)
    )
      return undefined;
  }
}
