/** Finds the packages among files. */
import { type Dirent, statSync } from "node:fs";
import { posix } from "node:path";
import { fsPath, readEntries, readLink, sortNames } from "#util";
import { isObject, type JsonObject } from "../file.ts";
import { isStore } from "../installed/tree.ts";
import type { Component, ComponentPart } from "../references-graph.ts";
import { saidIn } from "../said.ts";
import { readManifest } from "../workspace.ts";
import { text } from "../yaml.ts";

/** A package, in the folder of its own or with the links to what it needs. */
interface Package {
  readonly id: string;
  readonly parts: Part[];
  /** The folders, one a part, that have its package.json. */
  readonly homes: string[];
  /** What it is called if it has no package.json. */
  readonly name: string;
  /** Places that its links lead to. */
  readonly links: string[];
}

interface Part extends ComponentPart {
  readonly nested: string[];
}

/** A folder that is being looked at, and the part that it is in. */
interface Within {
  readonly path: string;
  readonly place: string;
  readonly part: Part;
}

const PACKAGE = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/.@][^/]*)$/;

export class FilesScan {
  readonly #own: string;
  readonly #ownParts: Part[] = [];
  readonly #packages = new Map<string, Package>();
  /** What the links in the project's own `node_modules` folders lead to. */
  readonly #ownLinks: string[] = [];

  /** @param own the id of what is in no package */
  constructor(own: string) {
    this.#own = own;
  }

  /**
   * Looks at a file or folder.
   * @param path its real path
   * @param place its path in the image, and `source` the path by which it was named
   */
  add(path: string, { place, source }: { readonly place: string; readonly source: string }): void {
    const part: Part = { path, place, nested: [] };
    const within = { path, place, part };
    const isFolder = this.#isFolder(path);
    const name = isFolder ? (PACKAGE.exec(place) ?? PACKAGE.exec(source))?.[1] : undefined;
    if (name !== undefined) {
      this.#addPackage(within, { name, links: [] });
      return;
    }
    this.#ownParts.push(part);
    if (!isFolder) return;
    if ([place, source].some((each) => posix.basename(each) === "node_modules")) {
      this.#modules(within, this.#ownLinks);
    } else this.#folder(within);
  }

  /** A folder of the project's own. */
  #folder({ path, place, part }: Within): void {
    for (const entry of list(path)) {
      if (!entry.isDirectory()) continue;
      const below = { path: `${path}/${entry.name}`, place: posix.join(place, entry.name), part };
      if (entry.name === "node_modules") this.#modules(below, this.#ownLinks);
      else this.#folder(below);
    }
  }

  /** A `node_modules` folder, or that of a scope in one. */
  #modules({ path, place, part }: Within, links: string[] = [], scope = ""): void {
    for (const entry of list(path)) {
      const { name } = entry;
      const below = { path: `${path}/${name}`, place: posix.join(place, name), part };
      if (entry.isSymbolicLink()) links.push(leadsTo(below));
      if (!entry.isDirectory()) continue;
      if (scope === "" && isStore(`node_modules/${name}`)) this.#store(below);
      // Where several versions are needed, Nitro has them here, and links to them.
      else if (scope === "" && name === ".nitro") this.#modules(below, links);
      else if (name.startsWith("@") && scope === "") this.#modules(below, links, `${name}/`);
      else if (!name.startsWith(".")) this.#nested(below, { name: scope + name, links: [] });
    }
  }

  /** A virtual store: folders with a package each, and links to what it needs. */
  #store({ path, place, part }: Within): void {
    for (const entry of list(path)) {
      if (!entry.isDirectory() || entry.name === "node_modules") continue;
      const unit = { path: `${path}/${entry.name}`, place: posix.join(place, entry.name), part };
      const links: string[] = [];
      const names: string[] = [];
      const look = (folder: string, scope: string): void => {
        for (const each of list(`${unit.path}/${folder}`)) {
          const below = `${folder}/${each.name}`;
          if (each.isSymbolicLink()) {
            links.push(leadsTo({ path: `${unit.path}/${below}`, place: posix.join(unit.place, below) }));
          } else if (each.isDirectory() && each.name.startsWith("@") && scope === "") {
            look(below, `${each.name}/`);
          } else if (each.isDirectory() && !each.name.startsWith(".")) names.push(scope + each.name);
        }
      };
      if (this.#isFolder(`${unit.path}/node_modules`)) look("node_modules", "");
      const [name = entry.name] = names;
      this.#nested(unit, { name, links, home: `${unit.path}/node_modules/${name}` });
    }
  }

  /** A package in what another component has. */
  #nested(
    { path, place, part }: Within,
    about: { readonly name: string; readonly links: string[]; readonly home?: string },
  ): void {
    part.nested.push(path.slice(part.path.length + 1));
    this.#addPackage({ path, place, part: { path, place, nested: [] } }, about);
  }

  #addPackage(
    { path, place, part }: Within,
    { name, links, home }: { readonly name: string; readonly links: string[]; readonly home?: string },
  ): void {
    const known = this.#packages.get(place);
    const found = known ?? { id: place, parts: [], homes: [], name, links: [] };
    if (known === undefined) this.#packages.set(place, found);
    found.parts.push(part);
    found.homes.push(home ?? path);
    found.links.push(...links);
    if (home === undefined && this.#isFolder(`${path}/node_modules`)) {
      this.#modules({ path: `${path}/node_modules`, place: `${place}/node_modules`, part }, found.links);
    }
  }

  #isFolder(path: string): boolean {
    return statSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  /**
   * What has been found.
   * @throws VarveError `INVALID_JSON`, `INVALID_GRAPH`, `UNREADABLE`
   */
  async components(): Promise<Component[]> {
    const components: Component[] = [];
    const referred = new Set<string>();
    for (const { id, parts, homes, name, links } of this.#packages.values()) {
      const manifest = await firstManifest(homes);
      const references = [...this.#needed(id, manifest), ...this.#holders(links)].filter((to) => to !== id);
      for (const to of references) referred.add(to);
      components.push({ ...component(id, parts), name, ...described(manifest), references });
    }
    if (this.#ownParts.length === 0) return components;
    // What nobody else needs is there for the project, and so is what its own folders and links have.
    const manifest = await firstManifest(this.#ownParts.map(({ path }) => path));
    const others = components.filter(({ id }) => !referred.has(id)).map(({ id }) => id);
    const places = this.#ownParts.flatMap(({ place }) => this.#needed(place, manifest));
    const references = [...others, ...places, ...this.#holders(this.#ownLinks)];
    return [...components, { ...component(this.#own, this.#ownParts), ...described(manifest), references }];
  }

  /** What a package.json says is needed, as Node finds it from a place. */
  #needed(place: string, manifest: JsonObject): string[] {
    const fields = ["dependencies", "optionalDependencies", "peerDependencies"];
    const names = fields.flatMap((field) => {
      const all = manifest[field];
      return isObject(all) ? Object.keys(all) : [];
    });
    return names.flatMap((name) => this.#resolve(place, name) ?? []);
  }

  #resolve(place: string, name: string): string | undefined {
    for (let folder = place; ; folder = posix.dirname(folder)) {
      const id = posix.join(folder, "node_modules", name);
      if (this.#packages.has(id)) return id;
      if (folder === "." || posix.basename(folder) === "..") return undefined;
    }
  }

  /** The packages that hold places. */
  #holders(places: readonly string[]): string[] {
    return places.flatMap((place) => {
      for (let at = place; ; at = posix.dirname(at)) {
        if (this.#packages.has(at)) return [at];
        if (at === posix.dirname(at)) return [];
      }
    });
  }
}

function component(id: string, parts: readonly Part[]): Component {
  const [{ path }] = parts as [Part];
  return {
    id,
    path,
    references: [],
    parts: parts.map((part) => ({ ...part, nested: sortNames(part.nested) })),
  };
}

function described(manifest: JsonObject): Partial<Component> {
  const [name, version] = [text(manifest["name"]), text(manifest["version"])];
  return {
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...saidIn(manifest),
  };
}

async function firstManifest(folders: readonly string[]): Promise<JsonObject> {
  for (const folder of folders) {
    const manifest = await readManifest(folder);
    if (manifest !== undefined) return manifest;
  }
  return {};
}

/** Where a link leads in the image; nowhere that is known, if it is an absolute path. */
function leadsTo({ path, place }: Pick<Within, "path" | "place">): string {
  const target = readLink(path);
  return posix.isAbsolute(target) ? target : posix.join(posix.dirname(place), target);
}

function list(folder: string): Dirent[] {
  return readEntries(folder).sort((a, b) => (a.name < b.name ? -1 : 1));
}
