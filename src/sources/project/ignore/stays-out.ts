/** What of a project is in no image, once it is known which packages are. */
import { type Dirent, existsSync, lstatSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { isOutside, type ReferencesGraph } from "#graph";
import { compareNames, fsPath, readEntries, readLink, realPath } from "#util";
import { type LeftOutReason, modulesOut } from "./always.ts";
import type { LeftOut, OwnFiles } from "./own-files.ts";

/** What of a project stays out. */
export interface StaysOut {
  readonly list: readonly LeftOut[];
  /** Absolute paths, of which the image has nothing. */
  readonly paths: readonly string[];
  /** Sentences about what is in the image, and may not work there. */
  readonly notes: readonly string[];
}

/** What stays out of several parts of an image. */
export function joined(parts: readonly StaysOut[]): StaysOut {
  return {
    list: parts.flatMap(({ list }) => list).sort((a, b) => compareNames(a.path, b.path)),
    paths: parts.flatMap(({ paths }) => paths),
    notes: parts.flatMap(({ notes }) => notes),
  };
}

/**
 * All of a project that stays out: its own files, what package managers keep for themselves, links to what isn't in the
 * image, and scope folders that are empty without the packages that are left out.
 * @param graph of what is in the image
 */
export function staysOut(own: OwnFiles, graph: ReferencesGraph): StaysOut {
  // A Nix graph's files are in its store.
  if (graph.kind === "nix") return { list: [], paths: [], notes: [] };
  const inside = new Inside(own, graph);
  for (const folder of own.modules) inside.lookIntoModules(folder);
  const notes: string[] = [];
  for (const [path, target] of own.links) {
    if (isAbsolute(target)) notes.push(`${path} is a link to ${target}, an absolute path, and stays one`);
    // What is linked has another place in the image, to which only links among packages are led.
    else if (!inside.leads(path, target) || inside.isLinked(path, target))
      inside.leave(path, "links that lead nowhere");
  }
  for (const { path, reason } of own.out) {
    if (reason === "special files")
      notes.push(`${path} is neither a file, a folder nor a link, and stays out`);
  }
  const list = [...own.out, ...inside.left].sort((a, b) => compareNames(a.path, b.path));
  return { list, paths: list.map(({ path }) => `${own.folder}/${path}`), notes };
}

/** Links and folders that packages have which aren't in the image, most of them for development; they themselves are no news. */
const TRACES: LeftOutReason = "traces of other packages";

/** What is in the image. */
class Inside {
  readonly left: LeftOut[] = [];
  readonly #folder: string;
  readonly #out: Set<string>;
  readonly #components: ReadonlySet<string>;
  /** What is in components' folders, and isn't theirs. */
  readonly #nested: ReadonlySet<string>;

  /** The folders outside of the project that are linked into it. */
  readonly #linked: readonly string[];

  constructor({ folder, out }: OwnFiles, graph: ReferencesGraph) {
    const components = [...graph.components.values()];
    this.#linked = components.filter(({ id }) => isOutside(id)).map(({ path }) => path);
    this.#folder = folder;
    this.#out = new Set(out.map(({ path }) => `${folder}/${path}`));
    this.#components = new Set(components.map(({ path }) => path));
    this.#nested = new Set(
      components.flatMap(({ path, nested = [] }) => nested.map((below) => `${path}/${below}`)),
    );
  }

  leave(path: string, reason: LeftOutReason): void {
    this.left.push({ path, reason });
    this.#out.add(`${this.#folder}/${path}`);
  }

  /** Whether a link's target is in the image, both where it says and where that leads. */
  leads(path: string, target: string): boolean {
    const said = resolve(this.#folder, dirname(path), target);
    if (!existsSync(fsPath(said))) return false;
    if (!isWithin(this.#folder, said)) return this.#has(said);
    const real = realPath(said);
    const home = realPath(this.#folder);
    const within = isWithin(home, real) ? resolve(this.#folder, relative(home, real)) : real;
    return this.#has(said) && this.#has(within);
  }

  /** Whether a link leads to a folder outside of the project that is linked into it, or from one of these out of it. */
  isLinked(path: string, target: string): boolean {
    const said = resolve(this.#folder, dirname(path), target);
    return !isWithin(this.#folder, said) && this.#linked.some((folder) => isWithin(folder, said));
  }

  /** Leaves out of a `node_modules` folder what isn't packages, and says whether anything of it stays. */
  lookIntoModules(folder: string): boolean {
    const absolute = `${this.#folder}/${folder}`;
    const stats = lstatSync(fsPath(absolute), { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true) return stats !== undefined;
    let isAnyIn = false;
    for (const entry of readEntries(absolute)) {
      const { name } = entry;
      const path = `${folder}/${name}`;
      const reason = modulesOut(name);
      if (reason !== undefined) this.leave(path, reason);
      else if (name.startsWith("@") || name === ".bin")
        isAnyIn = this.#lookIntoFolder(path, entry) || isAnyIn;
      else isAnyIn = this.#keeps(path, entry) || isAnyIn;
    }
    if (!isAnyIn) this.#leaveWhole(folder);
    return isAnyIn;
  }

  /** A scope's folder, or `.bin`. */
  #lookIntoFolder(folder: string, entry: Dirent): boolean {
    if (!this.#keeps(folder, entry)) return false;
    if (!entry.isDirectory()) return true;
    const entries = readEntries(`${this.#folder}/${folder}`);
    const kept = entries.filter((each) => this.#keeps(`${folder}/${each.name}`, each));
    if (kept.length === 0) this.#leaveWhole(folder);
    return kept.length > 0;
  }

  /** Whether a path in `node_modules` is in the image; a link that leads nowhere no longer is. */
  #keeps(path: string, entry: Dirent): boolean {
    const absolute = `${this.#folder}/${path}`;
    if (!this.#has(absolute)) return false;
    if (!entry.isSymbolicLink()) return true;
    const target = readLink(absolute);
    if (isAbsolute(target) || this.leads(path, target)) return true;
    const isOthers = existsSync(fsPath(resolve(this.#folder, dirname(path), target)));
    this.leave(path, isOthers ? TRACES : "links that lead nowhere");
    return false;
  }

  /** Leaves out an empty folder, in place of what was in it. */
  #leaveWhole(folder: string): void {
    const within = this.left.filter(({ path }) => path.startsWith(`${folder}/`));
    for (const each of within) this.left.splice(this.left.indexOf(each), 1);
    this.leave(folder, TRACES);
  }

  #has(path: string): boolean {
    for (let at = path; ; at = dirname(at)) {
      if (this.#components.has(at)) return true;
      if (this.#nested.has(at) || this.#out.has(at) || dirname(at) === at) return false;
    }
  }
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** One sentence that says how much stays out, and why; undefined if nothing does. */
export function summary({ list }: Pick<StaysOut, "list">): string | undefined {
  if (list.length === 0) return undefined;
  const counts = new Map<LeftOutReason, number>();
  for (const { reason } of list) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${reason} ${count}`);
  return `${list.length === 1 ? "1 path stays" : `${list.length} paths stay`} out of the image (${parts.join(", ")}); --verbose names ${list.length === 1 ? "it" : "them"}`;
}
