/** The packages that lie in a project's `node_modules`, found as Node finds them. */
import { realpathSync, statSync } from "node:fs";
import { join, posix, relative, resolve, sep } from "node:path";
import { readError, VarveError } from "#errors";
import { type Memo, once } from "#util";
import type { JsonObject } from "../file.ts";
import { isObject } from "../file.ts";
import type { Manifests } from "../manifests.ts";
import { installCommand, type NodeProject } from "../project.ts";
import { text } from "../yaml.ts";
import { checkVersion } from "./check-version.ts";
import type { LockFacts, NodePlatform } from "./lock-facts.ts";
import { bundles, isName } from "./manifest.ts";
import { isOutside, isSource } from "./outside.ts";

/** A package's folder, and what it is. */
export interface InstalledPackage {
  /** Its real folder, relative to the project. */
  readonly id: string;
  readonly manifest: JsonObject;
}

/** What is one component: a package's folder, or that of a virtual store with a package and the links beside it. */
export interface Unit extends InstalledPackage {
  /** The ids of units that it needs. */
  readonly references: Set<string>;
}

export interface TreeOptions {
  readonly omitDev: boolean;
  /** Where packages that fit some platforms only have to be usable. */
  readonly platform: NodePlatform;
  readonly manifests: Manifests;
  /** Knows the packages that were found for another package of the same workspace. */
  readonly memo?: Memo | undefined;
}

/** Folders whose children are a package each, together with links to what it needs. */
const STORE = /(?:^|\/)node_modules\/\.(?:pnpm|bun|store)$/;
/**
 * One of these; npm has those of a scope in a folder of that name, and others have it in theirs. A project can have its
 * store under another name, where a package's own place shows what it is.
 */
const STORE_UNIT =
  /^(?:.*?\/)?node_modules\/(?:\.(?:pnpm|bun|store)\/(?:@[^/]+\/[^/@]+@[^/]+|[^/]+)|\.[^/]+\/[^/]+(?=\/node_modules\/))/;

/** Whether a path is that of a virtual store. */
export function isStore(id: string): boolean {
  return STORE.test(id);
}

/** What `package.json` has for a folder; a workspace's package may lie outside of its root, too. */
const LINKED = /^(?:link|file|portal|workspace):|^(?:~|\.{1,2})?\//;

interface Target {
  readonly id: string;
  readonly unit: string;
  /** What it is needed as. */
  readonly name: string;
}

/** What a package says that it needs. */
export interface Need {
  readonly name: string;
  readonly range: string;
  readonly kind: "required" | "optional" | "other";
}

/** Follows what packages need, beginning with the project's own. */
export class InstalledTree {
  /** What has been reached, by id. */
  readonly units = new Map<string, Unit>();
  readonly project: NodeProject;
  readonly #facts: LockFacts;
  readonly #options: TreeOptions;
  readonly #root: string;
  /** What was found at paths, which is the same for each package of a workspace. */
  readonly #found: Map<string, string | undefined>;
  readonly #packages: Map<string, Promise<InstalledPackage>>;
  /** Packages that bring others in their own folders. */
  readonly #bundlers = new Set<string>();

  constructor(project: NodeProject, facts: LockFacts, options: TreeOptions) {
    this.project = project;
    this.#facts = facts;
    this.#options = options;
    this.#root = realpathSync.native(project.root);
    this.#found = once(options.memo, `found in ${this.#root}`, () => new Map());
    this.#packages = once(options.memo, `packages in ${this.#root}`, () => new Map());
  }

  /** @throws VarveError `DANGLING_REFERENCE` for what isn't installed, `INVALID_GRAPH` for what the lock file has otherwise */
  async follow(starts: readonly string[]): Promise<void> {
    const seen = new Set(starts);
    const queue = [...starts];
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      const reached = await this.#package(id);
      if (!isSource(id) && bundles(reached.manifest)) this.#bundlers.add(id);
      const unit = this.#unit(reached);
      for (const target of await this.#targetsOf(reached)) {
        if (target.unit !== this.unitOf(id)) unit.references.add(target.unit);
        if (seen.has(target.id)) continue;
        seen.add(target.id);
        queue.push(target.id);
      }
    }
  }

  /** The unit that a package's folder is in; it need not have been reached. */
  unitOf(id: string): string {
    return this.#storeUnit(this.#bundlerOf(id) ?? id);
  }

  #storeUnit(id: string): string {
    return STORE_UNIT.exec(id)?.[0] ?? id;
  }

  /** The package that was published with the one at `id` in it, which therefore no lock file knows. */
  #bundlerOf(id: string): string | undefined {
    const inside = "/node_modules/";
    for (let at = id.indexOf(inside); at !== -1; at = id.indexOf(inside, at + 1)) {
      if (this.#bundlers.has(id.slice(0, at))) return id.slice(0, at);
    }
    return undefined;
  }

  /** Where a path leads, relative to the project; undefined if that is nowhere. */
  realId(id: string): string | undefined {
    try {
      return this.#idOf(realpathSync.native(join(this.#root, id)));
    } catch {
      return undefined;
    }
  }

  #idOf(real: string): string {
    return relative(this.#root, real).split(sep).join("/") || ".";
  }

  #unit({ id, manifest }: InstalledPackage): Unit {
    const key = this.unitOf(id);
    const known = this.units.get(key);
    // A package may bring others in its own folder; it is named after the outermost.
    if (known !== undefined && known.id.length <= id.length) return known;
    const unit = { id, manifest, references: known?.references ?? new Set<string>() };
    this.units.set(key, unit);
    return unit;
  }

  #package(id: string): Promise<InstalledPackage> {
    let found = this.#packages.get(id);
    if (found === undefined) {
      found = this.#options.manifests.of(join(this.#root, id)).then((manifest = {}) => ({ id, manifest }));
      this.#packages.set(id, found);
    }
    return found;
  }

  async #targetsOf(from: InstalledPackage): Promise<Target[]> {
    const targets: Target[] = [];
    const missing: Need[] = [];
    for (const need of this.#needsOf(from)) {
      const id = this.#resolve(from.id, need.name);
      if (id === undefined) missing.push(need);
      else {
        this.#checkLinked(from, { need, id });
        await this.#checkVersion(from, { need, found: await this.#package(id) });
        targets.push({ id, unit: this.unitOf(id), name: need.name });
      }
    }
    // Where another platform's package is, that platform is what has been installed for.
    const { packages } = this.#facts;
    const isElsewhere = targets.some(
      ({ name }) => packages.isMadeFor(name, this.#options.platform) === false,
    );
    for (const need of missing) if (need.kind === "required" || !isElsewhere) this.#checkMissing(from, need);
    return targets;
  }

  #needsOf({ id, manifest }: InstalledPackage): Need[] {
    const needs = new Map<string, Need>();
    const add = (names: unknown, kind: Need["kind"]): void => {
      if (!isObject(names)) return;
      for (const [name, range] of Object.entries(names)) {
        if (isName(name) && !needs.has(name)) needs.set(name, { name, range: text(range) ?? "", kind });
      }
    };
    // A name that is in both lists is optional.
    add(manifest["optionalDependencies"], "optional");
    add(manifest["dependencies"], "required");
    add(manifest["peerDependencies"], "other");
    if (isSource(id)) {
      if (!this.#options.omitDev) add(manifest["devDependencies"], "other");
    } else {
      // A package manager can be told to give a package more than it asks for.
      const [name, version] = [text(manifest["name"]), text(manifest["version"])];
      const locked = name === undefined ? undefined : this.#facts.packages.find(name, version);
      for (const more of locked?.dependencies ?? []) add({ [more]: "" }, "other");
    }
    return [...needs.values()];
  }

  /** Node's way: `node_modules` of the package's own folder, then of each folder above it. */
  #resolve(from: string, name: string): string | undefined {
    for (let folder = from; ; folder = posix.dirname(folder)) {
      if (posix.basename(folder) !== "node_modules") {
        const id = this.#at(posix.join(folder, "node_modules", name));
        if (id !== undefined) return id;
      }
      if (folder === ".") return undefined;
      // In the image the project is around what lies outside of it here.
      if (posix.basename(folder) === "..") folder = "..";
    }
  }

  /** The real folder of the package at a path. */
  #at(path: string): string | undefined {
    if (this.#found.has(path)) return this.#found.get(path);
    const id = this.#look(path);
    this.#found.set(path, id);
    return id;
  }

  #look(path: string): string | undefined {
    const absolute = join(this.#root, path);
    const isThere = statSync(`${absolute}/package.json`, { throwIfNoEntry: false })?.isFile() ?? false;
    if (!isThere) return undefined;
    let real: string;
    try {
      real = realpathSync.native(absolute);
    } catch (error) {
      throw readError(absolute, error);
    }
    const id = this.#idOf(real);
    // What is found from a folder that was linked is installed in it. A store for all projects has no place in an image.
    if (!isOutside(id) || isOutside(path) || isSource(id)) return id;
    throw this.#leadsOut(path, real);
  }

  /** Only what the project says it has linked is looked for outside of it. */
  #checkLinked(from: InstalledPackage, { need, id }: { need: Need; id: string }): void {
    if (!isOutside(id) || isOutside(from.id)) return;
    const wish = { from: from.id, name: need.name, range: need.range };
    if (isSource(from.id) && (LINKED.test(need.range) || this.#facts.isLinked?.(wish))) return;
    throw this.#leadsOut(posix.join(from.id, "node_modules", need.name), resolve(this.#root, id));
  }

  #leadsOut(path: string, real: string): VarveError {
    return new VarveError(
      "INVALID_GRAPH",
      `${resolve(this.project.root, path)} leads to ${real}, which lies outside the project ${this.project.root}, so it has no place in the image; have it installed within the project (for pnpm: enableGlobalVirtualStore: false), or move it there`,
    );
  }

  #checkMissing(from: InstalledPackage, { name, kind }: Need): void {
    if (this.#bundlerOf(from.id) !== undefined) return;
    const { packages, omitsOptional = false } = this.#facts;
    const isNeeded =
      kind === "required"
        ? // What the lock file doesn't know either was taken out of it on purpose.
          isSource(from.id) || packages.has(name)
        : kind === "optional" && !omitsOptional && packages.isMadeFor(name, this.#options.platform) === true;
    if (!isNeeded) return;
    const who = from.id === "." ? `the project ${this.project.root}` : from.id;
    const advice = isOutside(from.id)
      ? `install the packages of ${resolve(this.project.root, from.id)} there`
      : this.#advice(isSource(from.id));
    const { os, cpu } = this.#options.platform;
    const why = kind === "optional" ? ` on ${os}/${cpu}` : "";
    throw new VarveError(
      "DANGLING_REFERENCE",
      `${who} needs ${name}${why}, which is not installed; ${advice}`,
    );
  }

  async #checkVersion(
    from: InstalledPackage,
    { need, found }: { need: Need; found: InstalledPackage },
  ): Promise<void> {
    const { id } = found;
    // What is outside has a lock file of its own, if it has any.
    if (isSource(id) || isOutside(id)) return;
    if (this.#bundlerOf(id) !== undefined || this.#bundlerOf(from.id) !== undefined) return;
    await checkVersion({ from: from.id, need, found }, this.project, this.#facts);
  }

  #advice(isOwn = false): string {
    return `run \`${installCommand(this.project.manager, isOwn)}\` in ${this.project.root}`;
  }
}
