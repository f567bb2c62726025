/** Where components are in the image. */
import { lstatSync } from "node:fs";
import { posix } from "node:path";
import { VarveError } from "#errors";
import type { EntryItem, TreeItem } from "#fs";
import type { Component, ReferencesGraph } from "#graph";
import { EntryType } from "#tar";
import { fsPath, sortNames } from "#util";

/** Where a Node project is in the image unless its config has a `WorkingDir` other than the root. */
const DEFAULT_PROJECT_FOLDER = "/app";

export interface PlacementOptions {
  /** Where the project is in the image; null and the root count as not given. */
  readonly workingDir: string | null | undefined;
  /** Absolute paths that aren't part of the image: what stays out of it, and what is being written while it is built. */
  readonly absent?: readonly string[] | undefined;
}

/**
 * A store path is where it is on this machine; a Node package is below the project's folder in the image. The working
 * directory may be that of a workspace's package: then the project is as far above it as it is on this machine.
 */
export class Placement {
  readonly #graph: ReferencesGraph;
  readonly #folder: string;
  readonly #absent: readonly string[];

  /** @throws VarveError `INVALID_SPEC` for a working directory that isn't absolute */
  constructor(graph: ReferencesGraph, { workingDir, absent = [] }: PlacementOptions) {
    this.#graph = graph;
    this.#absent = absent;
    // Most base images say "/", which means nothing.
    const folder = workingDir?.replace(/\/+$/, "") || DEFAULT_PROJECT_FOLDER;
    // A path that can be written in two ways is the same path in the image.
    const given = posix.normalize(folder).replace(/\/$/, "") || DEFAULT_PROJECT_FOLDER;
    const app = `/${graph.app ?? "."}`;
    this.#folder = given !== app && given.endsWith(app) ? given.slice(0, -app.length) : given;
    if (!folder.startsWith("/")) {
      throw new VarveError(
        "INVALID_SPEC",
        `config.WorkingDir is ${workingDir}, but it must be an absolute path`,
      );
    }
  }

  /** The component's tree, its place in the image, and which of its paths belong to other components. */
  tree(id: string): TreeItem {
    const component = this.#graph.components.get(id)!;
    const { path, nested = [], narHash } = component;
    // Many people write the image into the project's folder, and it must not contain itself.
    const within = this.#absent.filter((below) => below.startsWith(`${path}/`));
    const exclude = [...nested, ...within.map((below) => below.slice(path.length + 1))];
    const target = this.#target(component);
    return {
      kind: "tree",
      source: path,
      target,
      ...(exclude.length > 0 && { exclude }),
      ...(narHash && { narHash }),
    };
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
        `contents has ${path}, which no component of the graph holds, so that links to it would lead nowhere; add it to the graph`,
      );
    }
    return target;
  }

  /** Where a path of this machine is in the image; undefined if it is in no component. */
  find(path: string): string | undefined {
    let holder: Component | undefined;
    for (const component of this.#graph.components.values()) {
      const holds = path === component.path || path.startsWith(`${component.path}/`);
      if (holds && component.path.length >= (holder?.path.length ?? 0)) holder = component;
    }
    return holder && this.#target(holder) + path.slice(holder.path.length);
  }

  #target(component: Component): string {
    if (this.#graph.kind === "nix") return component.path;
    if (component.id.startsWith("../")) {
      throw new VarveError(
        "INVALID_GRAPH",
        `the package ${component.path} lies outside its project, so it has no place in the image; move it into the project's folder`,
      );
    }
    return component.id === "." ? this.#folder : `${this.#folder}/${component.id}`;
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
