/** The graph of files that are named one by one: what a build has put out, with the packages that it has copied there. */
import { lstatSync, realpathSync } from "node:fs";
import { posix } from "node:path";
import { readError, VarveError } from "#errors";
import { fsPath } from "#util";
import { type Component, makeGraph, partsOf, type ReferencesGraph } from "../references-graph.ts";
import { FilesScan } from "./scan.ts";

/** What is put where. */
export interface FileEntry {
  /** The absolute path of a file or folder on this machine. */
  readonly from: string;
  /** Its absolute path in the image. */
  readonly to: string;
}

/** The id of what belongs to no package: the project itself. */
const OWN = ".";

/**
 * Reads the graph of files. Each package that is found in a `node_modules` folder, nested ones and those of a virtual store
 * too, is a component; all else is the project, `.`. Ids are places in the image, relative to `folder`. Of two entries that
 * have the same name, the first one counts.
 * @param folder - the absolute path in the image that places are relative to
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`
 */
export async function readFiles(
  entries: readonly FileEntry[],
  { folder }: { readonly folder: string },
): Promise<ReferencesGraph> {
  const scan = new FilesScan(OWN);
  for (const { from, to } of entries) {
    scan.add(rootOf(from), { place: posix.relative(folder, to) || OWN, source: from });
  }
  return makeGraph(await scan.components(), { kind: "npm", origin: "the graph of the spec's files" });
}

/**
 * The path behind one that is named: if it is a link, what it leads to.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export function rootOf(from: string): string {
  try {
    return lstatSync(fsPath(from)).isSymbolicLink() ? realpathSync(from) : from;
  } catch (error) {
    throw readError(from, error);
  }
}

/**
 * A Node project's graph with files, which count before what the project has at the same place.
 * @param files - see {@link readFiles}; its folder is where the project is in the image
 * @throws VarveError `INVALID_SPEC` for another kind of graph
 */
export function joinFiles(graph: ReferencesGraph, files: ReferencesGraph): ReferencesGraph {
  if (graph.kind !== "npm") {
    throw new VarveError(
      "INVALID_SPEC",
      "files can't be there together with a graph of Nix's, whose paths have their places; use copyToRoot instead",
    );
  }
  const app = graph.app ?? OWN;
  const idOf = (id: string) => (id === OWN ? app : id);
  const components = new Map<string, Component>(graph.components);
  for (const each of files.components.values()) {
    const id = idOf(each.id);
    const known = graph.components.get(id);
    const references = [...each.references.map(idOf), ...(known?.references ?? [])];
    const parts = [...partsOf(each), ...(known === undefined ? [] : partsOf(known))];
    components.set(id, { ...each, ...known, id, references, parts });
  }
  return makeGraph(components.values(), {
    kind: "npm",
    origin: "the project with its files",
    app: graph.app,
  });
}
