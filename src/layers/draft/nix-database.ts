/** The Nix database of a spec's image. */
import { dirname } from "node:path";
import { VarveError } from "#errors";
import type { EntryItem } from "#fs";
import type { ReferencesGraph } from "#graph";
import { nixDatabase } from "#root";
import { findProgram } from "#sandbox";
import type { ImageSpec } from "#spec";
import type { DraftOptions } from "./options.ts";

interface Tools extends Pick<DraftOptions, "path" | "temporary" | "signal"> {
  readonly graph: ReferencesGraph;
}

/**
 * What the database adds to the image's root; nothing unless the spec asks for it. It knows all components, and its roots
 * are the components of `contents` or else those that no other refers to.
 * @throws VarveError `INVALID_SPEC`, and what {@link nixDatabase} throws
 */
export async function specDatabase(
  { includeNixDB, contents }: ImageSpec,
  { graph, path, temporary, signal }: Tools,
): Promise<EntryItem[]> {
  if (!includeNixDB) return [];
  const paths = [...graph.components.values()];
  const [first] = paths;
  if (graph.kind !== "nix" || first === undefined) {
    throw new VarveError(
      "INVALID_SPEC",
      "includeNixDB needs a graph of Nix store paths; give one, or leave it out",
    );
  }
  const tool = async (name: string): Promise<string> => {
    const found = await findProgram(name, path);
    if (found !== undefined) return found;
    throw new VarveError(
      "NOT_FOUND",
      `includeNixDB needs the program ${name}, which can't be found; install it, or put it on PATH`,
    );
  };
  const tools = { nixStore: await tool("nix-store"), sqlite3: await tool("sqlite3") };
  return await nixDatabase({
    paths,
    roots: rootsOf(graph, contents),
    tools,
    temporary,
    storeDir: dirname(first.id),
    signal,
  });
}

function rootsOf(graph: ReferencesGraph, contents: readonly string[]): string[] {
  const ids = [...graph.components.keys()];
  if (contents.length > 0) {
    return ids.filter((id) => contents.some((path) => path === id || path.startsWith(`${id}/`)));
  }
  const referred = new Set([...graph.components.values()].flatMap(({ references }) => references));
  const top = ids.filter((id) => !referred.has(id));
  // All are in a cycle, so none of them is a root.
  return top.length > 0 ? top : ids;
}
