/** What a spec puts into the image's root, and how it fits on the base. */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import type { DigestCache } from "#cache";
import { readError, VarveError } from "#errors";
import type { TreeItem } from "#fs";
import type { ReferencesGraph } from "#graph";
import type { Image } from "#image";
import type { Placement } from "#plan";
import { type BaseTree, followBase, type ImageRoot, layRoot, type RootItem } from "#root";
import type { ImageSpec } from "#spec";
import { fsPath } from "#util";
import { baseTreeOf } from "./base.ts";

interface RootContext {
  readonly graph: ReferencesGraph;
  readonly placement: Placement;
  readonly onNote: (sentence: string) => void;
}

/**
 * The root that a spec asks for.
 * @throws VarveError `INVALID_SPEC`, and what listing throws
 */
export function specRoot(spec: ImageSpec, context: RootContext): ImageRoot {
  const { placement } = context;
  return layRoot({
    contents: spec.contents.map((source) => ({ source, target: placement.locate(source) })),
    copyToRoot: spec.copyToRoot,
    keepDirlinks: spec.keepContentsDirlinks,
    locate: (path) => placement.find(path),
    fakeNss: spec.fakeNss,
    binSh: linkOf(spec, "binSh", { ...context, files: ["bin/bash", "bin/sh"] }),
    usrBinEnv: linkOf(spec, "usrBinEnv", { ...context, files: ["bin/env"] }),
    caCertificates: certificatesOf(spec, context),
    tmp: spec.tmp,
  });
}

type LinkContext = RootContext & { readonly files: readonly string[] };

/** Where a link leads: what the spec says, or the first of a component's files. */
function linkOf(
  spec: ImageSpec,
  field: "binSh" | "usrBinEnv" | "caCertificates",
  { graph, placement, onNote, files }: LinkContext,
): string | undefined {
  const value = spec[field];
  if (typeof value === "string") return value;
  if (!value) return undefined;
  for (const file of files) {
    const found = [...graph.components.values()].map(({ path }) => `${path}/${file}`).filter(isFile);
    if (found.length > 1) {
      onNote(
        `${field} has ${found.length} to choose from and takes ${found[0]}; give a path to choose another`,
      );
    }
    if (found.length > 0) return placement.locate(found[0]!);
  }
  throw new VarveError(
    "INVALID_SPEC",
    `${field} is true, but nothing that is in the image has ${files.join(" or ")}; add one that has, or give a path`,
  );
}

function certificatesOf(spec: ImageSpec, context: RootContext): string | Uint8Array | undefined {
  const path = spec.caCertificates;
  if (typeof path !== "string") {
    return linkOf(spec, "caCertificates", { ...context, files: ["etc/ssl/certs/ca-bundle.crt"] });
  }
  const target = spec.includeStorePaths ? context.placement.find(path) : undefined;
  if (target !== undefined) return target;
  try {
    return readRegular(path);
  } catch (error) {
    throw readError(path, error);
  }
}

/** @throws VarveError `UNREADABLE` for a file that may never end, such as a device or a pipe */
function readRegular(path: string): Uint8Array {
  const fd = openSync(fsPath(path), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!fstatSync(fd).isFile())
      throw new VarveError("UNREADABLE", `cannot read ${path}: it is not a regular file`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function isFile(path: string): boolean {
  return statSync(fsPath(path), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Directories in the root that are links, or contain links, in the images of some distribution. */
const MAY_BE_LINKS = /^\/(?:bin|sbin|lib[^/]*|usr|var|home|root|opt|srv|mnt|media|tmp|run)(?:\/|$)/;

interface OnBase {
  readonly spec: ImageSpec;
  readonly graph: ReferencesGraph;
  readonly root: ImageRoot;
  readonly trees: readonly TreeItem[];
  readonly cache: DigestCache | undefined;
}

/**
 * The base's tree, if it matters: only where something is put in the root besides components, or a component lies where
 * distributions have links; a Nix store and `/app` are no such places.
 * @throws VarveError what {@link baseTreeOf} throws
 */
export async function baseTreeFor(
  base: Image | undefined,
  { spec, graph, root, trees, cache }: OnBase,
): Promise<BaseTree | undefined> {
  const among = graph.kind !== "nix" && trees.some(({ target }) => MAY_BE_LINKS.test(target));
  const matters = !root.isEmpty || among;
  if (base === undefined || base.layers.length === 0 || !spec.followBase || !matters) return undefined;
  return await baseTreeOf(base, cache);
}

/** Moves components' items to where the base's links lead; a store stays where it is. */
export function onBase(
  items: readonly RootItem[],
  { graph, baseTree: tree }: { graph: ReferencesGraph; baseTree: BaseTree | undefined },
): readonly RootItem[] {
  const isDirectory = (source: string) =>
    statSync(fsPath(source), { throwIfNoEntry: false })?.isDirectory() ?? false;
  return tree === undefined || graph.kind === "nix" ? items : followBase(items, tree, { isDirectory }).items;
}
