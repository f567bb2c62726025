/** What of the files that a spec names is in no image. */
import { type Dirent, lstatSync, type Stats, statSync } from "node:fs";
import { posix, relative } from "node:path";
import { type FileEntry, partsOf, type ReferencesGraph, rootOf } from "#graph";
import { compareNames, fsPath, readEntries, readLink } from "#util";
import { modulesOut } from "./always.ts";
import { type IgnoreFields, type LeftOut, namedFiles, type OwnFiles } from "./own-files.ts";
import type { StaysOut } from "./stays-out.ts";

/** A folder that a spec's `files` names, looked at. */
export interface NamedFiles extends OwnFiles {
  /** What its paths begin with when they are shown: its own path from the spec's folder. */
  readonly prefix: string;
}

/**
 * Looks at the files that a spec names. A file that is named for itself is meant, whatever it is.
 * @param folder the spec's, which patterns are relative to
 * @throws VarveError `INVALID_SPEC` for a wrong pattern, `NOT_FOUND`, `UNREADABLE`
 */
export function lookAtFiles(
  files: readonly FileEntry[],
  { folder, ...fields }: IgnoreFields & { readonly folder: string },
): NamedFiles[] {
  return files.flatMap(({ from }) => {
    const root = rootOf(from);
    if (!statSync(fsPath(root)).isDirectory()) return [];
    const path = relative(folder, from);
    const prefix = path === "" ? "" : `${path}/`;
    return [{ ...namedFiles({ folder: root, prefix }, fields), prefix }];
  });
}

/**
 * What of them stays out: secrets and the like, what patterns say, what package managers keep for themselves, links to what
 * isn't in the image, and scope folders that are empty.
 * @param graph that has them
 */
export function filesStayOut(named: readonly NamedFiles[], graph: ReferencesGraph): StaysOut {
  const list: LeftOut[] = [];
  const paths: string[] = [];
  const notes: string[] = [];
  const inImage = new InImage(graph, paths);
  const leave = (each: LeftOut, { folder, prefix }: NamedFiles): void => {
    paths.push(`${folder}/${each.path}`);
    list.push({ ...each, path: prefix + each.path });
  };
  for (const each of named) {
    for (const out of each.out) {
      leave(out, each);
      if (out.reason !== "special files") continue;
      notes.push(`${each.prefix}${out.path} is neither a file, a folder nor a link, and stays out`);
    }
    for (const folder of each.modules) {
      for (const { name } of entriesIn(`${each.folder}/${folder}`)) {
        const reason = modulesOut(name);
        if (reason !== undefined) leave({ path: `${folder}/${name}`, reason }, each);
      }
    }
  }
  // Whether a link leads anywhere is known once all else is.
  for (const each of named) {
    for (const path of [...each.links.keys(), ...each.modules.flatMap((folder) => linksIn(each, folder))]) {
      const leads = inImage.leads(`${each.folder}/${path}`);
      if (leads === "absolute")
        notes.push(`${each.prefix}${path} is a link to an absolute path, and stays one`);
      if (leads === "nowhere") leave({ path, reason: "links that lead nowhere" }, each);
    }
  }
  list.sort((a, b) => compareNames(a.path, b.path));
  return { list, paths, notes };
}

/** The links in a `node_modules` folder, in its scopes and among its programs. */
function linksIn({ folder }: NamedFiles, modules: string): string[] {
  return entriesIn(`${folder}/${modules}`).flatMap((entry) => {
    const path = `${modules}/${entry.name}`;
    if (entry.isSymbolicLink()) return [path];
    const holds = entry.isDirectory() && /^(?:@.*|\.bin)$/.test(entry.name);
    const below = holds ? readEntries(`${folder}/${path}`) : [];
    return below.filter((each) => each.isSymbolicLink()).map(({ name }) => `${path}/${name}`);
  });
}

/** What is in a folder; nothing if it is none, but a link to one. */
function entriesIn(folder: string): Dirent[] {
  return statsOf(folder)?.isDirectory() ? readEntries(folder) : [];
}

function statsOf(path: string): Stats | undefined {
  return lstatSync(fsPath(path), { throwIfNoEntry: false });
}

/** More links than any path leads through. */
const MAX_LINKS = 40;

/** Follows links as they will be in the image, where folders have other places than on this machine. */
class InImage {
  /** Paths on this machine by the places of parts, an earlier part first. */
  readonly #sources = new Map<string, string[]>();
  readonly #places: { readonly path: string; readonly place: string }[] = [];
  /** The folders above parts. */
  readonly #above = new Set<string>();
  readonly #out: readonly string[];

  /** @param out absolute paths that stay out; more may come later */
  constructor({ components }: ReferencesGraph, out: readonly string[]) {
    this.#out = out;
    for (const component of components.values()) {
      for (const { path, place } of partsOf(component)) {
        const at = posix.normalize(place);
        this.#sources.set(at, [...(this.#sources.get(at) ?? []), path]);
        this.#places.push({ path, place: at });
        for (let up = posix.dirname(at); !this.#above.has(up); up = posix.dirname(up)) this.#above.add(up);
      }
    }
    // The innermost first.
    this.#places.sort((a, b) => b.path.length - a.path.length);
  }

  leads(link: string): "somewhere" | "nowhere" | "absolute" {
    const holder = this.#places.find(({ path }) => link.startsWith(`${path}/`));
    if (holder === undefined) return "somewhere";
    const place = posix.join(holder.place, link.slice(holder.path.length + 1));
    const target = readLink(link);
    if (posix.isAbsolute(target)) return "absolute";
    return this.#isThere(posix.join(posix.dirname(place), target), 0) ? "somewhere" : "nowhere";
  }

  #isThere(place: string, links: number): boolean {
    if (links > MAX_LINKS) return false;
    const parts = place.split("/");
    for (let end = 1; end <= parts.length; end++) {
      const at = parts.slice(0, end).join("/");
      if (/(?:^|\/)\.\.$|^\.$/.test(at)) continue;
      const source = this.#find(at);
      if (source === undefined) {
        if (this.#above.has(at)) continue;
        return false;
      }
      if (!statsOf(source)?.isSymbolicLink()) continue;
      const target = readLink(source);
      if (posix.isAbsolute(target)) return true;
      return this.#isThere(posix.join(posix.dirname(at), target, ...parts.slice(end)), links + 1);
    }
    return true;
  }

  /** The path on this machine of what is at a place. */
  #find(place: string): string | undefined {
    for (let at = place; ; at = posix.dirname(at)) {
      const rest = at === place ? "" : at === "." ? place : place.slice(at.length + 1);
      for (const source of this.#sources.get(at) ?? []) {
        const path = rest === "" ? source : `${source}/${rest}`;
        if (statsOf(path) !== undefined && !this.#isOut(path)) return path;
      }
      if (at === posix.dirname(at) || posix.basename(at) === "..") return undefined;
    }
  }

  #isOut(path: string): boolean {
    return this.#out.some((out) => path === out || path.startsWith(`${out}/`));
  }
}
