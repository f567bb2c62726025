/** Which targets a change can have changed. */

import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import {
  changedPackages,
  findProject,
  isInstalled,
  kindOf,
  type NodeProject,
  type ReferencesGraph,
  readGraph,
} from "#graph";
import { SPEC_FILE } from "#project";
import { basePlace, type ImageSpec } from "#spec";
import { type Memo, once } from "#util";
import type { Machine } from "../machine.ts";
import type { BakeTarget } from "./bake.ts";
import { type GitState, gitState } from "./git.ts";
import type { OpenedTarget } from "./run.ts";

/** Files that say something of all folders below the one that they are in. */
const SAY_MORE: ReadonlySet<string> = new Set([
  ...[".dockerignore", ".nvmrc", ".node-version", ".tool-versions", ".npmrc", ".yarnrc.yml", ".pnpmfile.cjs"],
]);

/** Why a target is made: the first file, or package, that can have changed its image. */
export interface Affected {
  readonly target: BakeTarget;
  /** A path from the repository's folder, or a package's name; undefined where nothing can be said. */
  readonly by: string | undefined;
}

export interface AffectedOptions {
  readonly machine: Machine;
  /** A commit, as Git takes it. */
  readonly since: string;
  /** The folder whose repository is looked at. */
  readonly folder: string;
}

/**
 * Says of each target whether the files that differ from a commit, uncommitted ones and new ones among them, can have changed its
 * image: those of the target's own folder, of the workspace's packages that it needs, and of its spec; and of a lock file what it
 * says of the packages that the target has. What stays out of the image doesn't count. A target of which that can't be said counts as changed.
 * @returns those that can be others
 * @throws VarveError `USAGE` where Git can't be asked
 */
export async function affected(
  opened: readonly OpenedTarget[],
  { machine, since, folder }: AffectedOptions,
): Promise<Affected[]> {
  const git = await gitState(folder, since, machine);
  const memo = machine.together?.memo;
  const found: Affected[] = [];
  for (const one of opened) {
    const { target } = one;
    const by = await reasonOf(one, { git, memo }).catch(() => unknown);
    if (by === undefined) continue;
    const path = by === unknown ? undefined : by.replace(`${git.top}/`, "");
    found.push({ target, by: path });
  }
  return found;
}

/** That nothing can be said. */
const unknown = "\0unknown";

interface Known {
  readonly git: GitState;
  readonly memo: Memo | undefined;
}

async function reasonOf({ target, source }: OpenedTarget, { git, memo }: Known): Promise<string | undefined> {
  if (source === undefined) return unknown;
  const { spec } = source;
  const graph =
    spec.graph === undefined
      ? undefined
      : await readGraph(spec.graph, { omitDev: spec.omit.includes("dev"), ...(memo && { memo }) });
  // A store's paths are in no repository.
  if (graph?.kind === "nix") return unknown;
  const files = (target.files ?? []).map((path) => resolve(path));
  // A project's spec stays out of its image.
  const own = [...pathsOf(spec), ...files, ...files.map((folder) => `${folder}/${SPEC_FILE}`)];
  const out = graph === undefined ? [] : source.staysOut(graph).paths;
  const folders = graph === undefined ? [] : sourcesOf(graph);
  const isIn = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
  for (const path of git.changed) {
    if (own.includes(path)) return path;
    if (SAY_MORE.has(basename(path)) && folders.some((folder) => isIn(folder, dirname(path)))) return path;
    if (out.some((left) => isIn(path, left))) continue;
    // A workspace's own folder is around those of its packages, which are others' business.
    const within = folders.filter((folder) => isIn(path, folder));
    if (within.length > 0) return path;
    if (own.some((folder) => isIn(path, folder))) return path;
  }
  if (graph === undefined || spec.graph === undefined) return undefined;
  const project = await findProject(spec.graph, memo).catch(() => undefined);
  return project && (await lockReason(project, { graph, git, memo }));
}

/** The folders of the project and of the workspace's packages that its image has. */
function sourcesOf(graph: ReferencesGraph): string[] {
  const { app = "." } = graph;
  return [...graph.components.values()]
    .filter(({ id }) => !isInstalled(id) && (id === app || kindOf(graph, id) === "workspace"))
    .filter(({ id }) => id !== "." || app === ".")
    .map(({ path }) => path);
}

/** The paths that a spec names, but for its graph. */
function pathsOf(spec: ImageSpec): string[] {
  const named: unknown[] = [
    ...spec.contents,
    ...spec.copyToRoot,
    ...(spec.files ?? []).map(({ from }) => from),
    spec.weights,
    spec.layeringPipeline,
    spec.caCertificates,
  ];
  const scripts = Object.values(spec).map((value) =>
    typeof value === "object" && value !== null && "file" in value ? value.file : undefined,
  );
  const base = basePlace(spec.fromImage).place;
  const place = /^(?:docker-archive|oci-archive|oci):([^:]+)/.exec(base ?? "")?.[1] ?? base;
  return [...named, ...scripts, place].filter(
    (path): path is string => typeof path === "string" && path.startsWith("/"),
  );
}

async function lockReason(
  { lockFile, manager, root }: NodeProject,
  { graph, git, memo }: Known & { readonly graph: ReferencesGraph },
): Promise<string | undefined> {
  const file = lockFile.includes("/node_modules/") ? `${root}/package-lock.json` : lockFile;
  if (!git.changed.includes(file)) return undefined;
  const names = await once(memo, `lock diff ${file}`, async () => {
    const [before, after] = [await git.textOf(file), await readFile(file, "utf8").catch(() => undefined)];
    if (before === undefined || after === undefined) return undefined;
    return await changedPackages(manager, { before, after });
  });
  if (names === undefined) return file;
  for (const { id, name } of graph.components.values()) {
    if (!isInstalled(id)) continue;
    const at = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(id)?.[1];
    for (const each of [name, at]) if (each !== undefined && names.has(each)) return `the package ${each}`;
  }
  return undefined;
}
