/** Where components are in the image. */
import { lstatSync } from "node:fs";
import { posix } from "node:path";
import { VarveError } from "#errors";
import type { EntryItem, TreeItem } from "#fs";
import { type Component, type ComponentPart, isOutside, partsOf, type ReferencesGraph } from "#graph";
import { EntryType } from "#tar";
import { fsPath, sortNames } from "#util";

/** Where a Node project is in the image unless its config has a `WorkingDir` other than the root. */
const DEFAULT_PROJECT_FOLDER = "/app";

export interface PlacementOptions {
  /** Where the project is in the image: see {@link projectFolder}. */
  readonly folder: string;
  /** Absolute paths that aren't part of the image: what stays out of it, and what is being written while it is built. */
  readonly absent?: readonly string[] | undefined;
}

/** The absolute path in the image of the folder that a project's working directory is in, or of what is `app` in it. */
export interface FolderOptions {
  /** Where the project is run in the image; null and the root count as not given. */
  readonly workingDir: string | null | undefined;
  /** The component that is run there, if it is one of a workspace. */
  readonly app?: string | undefined;
}

/**
 * Where a project is in the image. The working directory may be that of a workspace's package: then the project is as
 * far above it as it is on this machine.
 * @throws VarveError `INVALID_SPEC` for a working directory that isn't absolute
 */
export function projectFolder({ workingDir, app: id = "." }: FolderOptions): string {
  // Most base images say "/", which means nothing.
  const folder = workingDir?.replace(/\/+$/, "") || DEFAULT_PROJECT_FOLDER;
  if (!folder.startsWith("/")) {
    throw new VarveError(
      "INVALID_SPEC",
      `config.WorkingDir is ${workingDir}, but it must be an absolute path`,
    );
  }
  // A path that can be written in two ways is the same path in the image.
  const given = posix.normalize(folder).replace(/\/$/, "") || DEFAULT_PROJECT_FOLDER;
  const app = `/${id}`;
  return given !== app && given.endsWith(app) ? given.slice(0, -app.length) : given;
}

/** A store path is where it is on this machine; a Node package is below the project's folder in the image. */
export class Placement {
  readonly #graph: ReferencesGraph;
  readonly #folder: string;
  readonly #absent: readonly string[];

  constructor(graph: ReferencesGraph, { folder, absent = [] }: PlacementOptions) {
    this.#graph = graph;
    this.#absent = absent;
    this.#folder = folder;
  }

  /** The component's trees, their places in the image, and which of their paths belong to other components. */
  trees(id: string): TreeItem[] {
    const component = this.#graph.components.get(id)!;
    const { narHash } = component;
    return partsOf(component).map((part): TreeItem => {
      const { path, nested = [], links } = part;
      // Many people write the image into the project's folder, and it must not contain itself.
      const within = this.#absent.filter((below) => below.startsWith(`${path}/`));
      const exclude = [
        ...nested,
        ...within.map((below) => below.slice(path.length + 1)),
        ...(links?.keys() ?? []),
      ];
      const target = this.#target(component, part);
      return {
        kind: "tree",
        source: path,
        target,
        ...(exclude.length > 0 && { exclude }),
        ...(narHash && { narHash }),
      };
    });
  }

  /** The component's links that lead to other places in the image than on this machine. */
  links(id: string): EntryItem[] {
    const component = this.#graph.components.get(id)!;
    return partsOf(component).flatMap((part) => {
      const target = this.#target(component, part);
      return [...(part.links ?? [])].map(
        ([below, linkname]): EntryItem => ({
          kind: "entry",
          entry: { name: `${target}/${below}`, type: EntryType.symlink, mode: 0o777, linkname },
        }),
      );
    });
  }

  /**
   * Where a path of this machine is in the image.
   * @throws VarveError `INVALID_SPEC` if no component holds it
   */
  locate(path: string): string {
    const target = this.find(path);
    if (target === undefined) {
      throw new VarveError(
        "INVALID_SPEC",
        `contents has ${path}, which is in no package and no store path of the image, so that links to it would lead nowhere; add what it is in`,
      );
    }
    return target;
  }

  /** Where a path of this machine is in the image; undefined if it is in no component. */
  find(path: string): string | undefined {
    let holder: { component: Component; part: ComponentPart } | undefined;
    for (const component of this.#graph.components.values()) {
      for (const part of partsOf(component)) {
        const holds = path === part.path || path.startsWith(`${part.path}/`);
        if (holds && part.path.length >= (holder?.part.path.length ?? 0)) holder = { component, part };
      }
    }
    return holder && this.#target(holder.component, holder.part) + path.slice(holder.part.path.length);
  }

  #target({ path, parts }: Component, { place }: ComponentPart): string {
    if (this.#graph.kind === "nix") return path;
    if (parts === undefined && isOutside(place)) {
      throw new VarveError(
        "INVALID_GRAPH",
        `the package ${path} lies outside its project, so it has no place in the image; move it into the project's folder`,
      );
    }
    return posix.join(this.#folder, place);
  }
}

/** The directories above trees, none of them in a tree, each after the one above it. */
export function parentsOf(trees: readonly TreeItem[]): EntryItem[] {
  const targets = new Set(trees.map((tree) => tree.target));
  const parents = new Set<string>();
  for (const target of targets) {
    for (let end = target.lastIndexOf("/"); end > 0; end = target.lastIndexOf("/", end - 1)) {
      const parent = target.slice(0, end);
      if (!targets.has(parent)) parents.add(parent);
    }
  }
  return sortNames([...parents]).map((name) => ({
    kind: "entry",
    entry: { name, type: EntryType.directory, mode: 0o755 },
    implied: true,
  }));
}

/** Whether there is anything at a path, even if only a link that leads nowhere. */
export function isThere(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false }) !== undefined;
}
