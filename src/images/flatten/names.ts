/** What the names in a layer mean: OCI image specification, layer.md, "Representing Changes". */
import { VarveError } from "#errors";

/** The place of an entry in a layer, for errors. */
export interface EntryPlace {
  /** Names the layer. */
  readonly what: string;
  /** The entry's name, as the archive has it. */
  readonly name: string;
}

/** What an entry's name asks for. */
export type NamedChange =
  | { readonly kind: "entry"; readonly path: readonly string[] }
  /** Removes what the lower layers have at `path`. */
  | { readonly kind: "whiteout"; readonly path: readonly string[] }
  /** Removes what the lower layers have in the directory. */
  | { readonly kind: "opaque"; readonly path: readonly string[] }
  | { readonly kind: "ignored" };

const WHITEOUT = ".wh.";
/** Names that AUFS keeps for itself begin with the whiteout's prefix twice. */
const AUFS = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** No system opens a longer path, and each of its folders takes memory. */
const MAX_PATH_LENGTH = 4096;

/**
 * Reads an entry's name. What AUFS keeps for itself is ignored, as by Docker.
 * @throws VarveError `INVALID_IMAGE` for a name that leaves the root, and for whiteouts of what can't be taken away
 */
export function namedChange(place: EntryPlace): NamedChange {
  const path = splitPath(place.name, place);
  // So it is with nearly all names, and there are very many.
  if (!place.name.includes(WHITEOUT)) return { kind: "entry", path };
  const base = path.at(-1) ?? "";
  const folder = path.slice(0, -1);
  if (base === OPAQUE && !folder.some((name) => name.startsWith(WHITEOUT))) {
    return { kind: "opaque", path: folder };
  }
  if (path.some((name) => name.startsWith(AUFS))) return { kind: "ignored" };
  if (folder.some((name) => name.startsWith(WHITEOUT))) {
    throw invalidEntry(place, "lies in a folder with a whiteout's name");
  }
  if (!base.startsWith(WHITEOUT)) return { kind: "entry", path };
  const hidden = base.slice(WHITEOUT.length);
  if (hidden === "" || hidden === "." || hidden === "..") {
    throw invalidEntry(place, "is a whiteout that names nothing in its folder");
  }
  return { kind: "whiteout", path: [...folder, hidden] };
}

/**
 * The parts of a path from the root. Slashes at the start, doubled ones and `.` mean nothing, and `a/..` is nothing,
 * whatever `a` is: so all runtimes read names in archives.
 * @throws VarveError `INVALID_IMAGE` for a path that leaves the root, or that is too long
 */
export function splitPath(path: string, place: EntryPlace): string[] {
  if (path.length > MAX_PATH_LENGTH) throw invalidEntry(place, "has a path that is longer than any system's");
  const all = path.split("/");
  if (!all.some(isSpecial)) return all;
  const parts: string[] = [];
  for (const part of all) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw invalidEntry(place, `has a path that leaves the root, ${path}`);
  }
  return parts;
}

/** Whether a part of a path is no name. */
function isSpecial(part: string): boolean {
  return part === "" || part === "." || part === "..";
}

/** The error for a layer that no runtime could unpack, or only by leaving its root. */
export function invalidEntry({ what, name }: EntryPlace, reason: string): VarveError {
  const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  return new VarveError("INVALID_IMAGE", `${what} has the entry ${JSON.stringify(shown)}, which ${reason}`);
}
