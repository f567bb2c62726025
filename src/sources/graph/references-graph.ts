import { VarveError } from "#errors";
import { compareNames, sortNames } from "#util";

/** One node of the references graph: the files it brings, and the components it can't work without. */
export interface Component {
  /** Its name in the graph: a store path, or a path relative to a Node project. The same on every machine. */
  readonly id: string;
  /** The absolute path of its file or folder on this machine. */
  readonly path: string;
  /** The ids it refers to, each once, ordered by code point, itself left out. */
  readonly references: readonly string[];
  /** The size of its NAR serialisation in bytes, where the graph says so (Nix). */
  readonly narSize?: number;
  /** The hash of its NAR serialisation as Nix wrote it (`sha256:…` or `sha256-…`), where the graph says so. */
  readonly narHash?: string;
  /** The package's name (Node). */
  readonly name?: string;
  /** The package's version (Node). */
  readonly version?: string;
  /** What its lock file says of the bytes that were installed, as it is there: mostly `sha512-…` (Node). */
  readonly integrity?: string;
  /** Where its sources are, as its `package.json` says: an address or a shorthand such as `github:owner/name` (Node). */
  readonly repository?: string;
  /** Its licence, as its `package.json` says it: mostly an SPDX expression (Node). */
  readonly license?: string;
  /** Who made it, as its `package.json` says it: a name, perhaps with an address (Node). */
  readonly author?: string;
  /**
   * Files and folders below `path` that are not this component's own: they belong to other components or to
   * nobody. Relative to `path`, parts separated by `/`, ordered by code point, none within another.
   */
  readonly nested?: readonly string[];
  /**
   * Where its files are, if they aren't just what is at `path`, to be found in the image at the id: in place of `path` and
   * `nested`. Where two parts have the same name, the first one counts, as it does where two layers' items meet.
   */
  readonly parts?: readonly ComponentPart[];
}

/** Some of a component's files, and where they are in the image (Node). */
export interface ComponentPart {
  /** The absolute path of a file or folder on this machine. */
  readonly path: string;
  /** Its path in the image, relative to where the project is; it may lead out of that. */
  readonly place: string;
  /** As {@link Component.nested}, below this part's path. */
  readonly nested?: readonly string[];
  /** What symbolic links below the path lead to in the image, where that isn't what they say on this machine. */
  readonly links?: ReadonlyMap<string, string>;
}

/** A component's parts, of which most have one. */
export function partsOf({ id, path, nested = [], parts }: Component): readonly ComponentPart[] {
  return parts ?? [{ path, place: id, nested }];
}

/** Where a graph came from: `nix` ids are store paths, `npm` ids are paths relative to a Node project. */
export type GraphKind = "nix" | "npm";

/** Components by id, ordered by id. Whatever a component refers to is in the graph too. */
export interface ReferencesGraph {
  readonly kind: GraphKind;
  readonly components: ReadonlyMap<string, Component>;
  /** The component that was asked for, if it is one of a workspace and not the project's root. */
  readonly app?: string;
}

/**
 * A graph from components in any order. References to itself and repeated ones are dropped; a component that is
 * given again just the same counts once.
 *
 * @param origin - what was read, for messages: "the graph closure.json".
 * @throws VarveError INVALID_GRAPH if two components with one id have different references;
 *   DANGLING_REFERENCE if one refers to another that isn't given.
 */
export function makeGraph(
  components: Iterable<Component>,
  { kind, origin, app }: { kind: GraphKind; origin: string; app?: string | undefined },
): ReferencesGraph {
  const byId = new Map<string, Component>();
  for (const given of components) {
    const references = sortNames([...new Set(given.references)].filter((id) => id !== given.id));
    const known = byId.get(given.id);
    if (known !== undefined && !sameNames(known.references, references)) {
      throw new VarveError(
        "INVALID_GRAPH",
        `${origin} lists ${given.id} twice with different references; list it once`,
      );
    }
    if (known === undefined) byId.set(given.id, { ...given, references });
  }
  const sorted = new Map([...byId].sort(([a], [b]) => compareNames(a, b)));
  for (const { id, references } of sorted.values()) {
    const missing = references.find((reference) => !sorted.has(reference));
    if (missing === undefined) continue;
    const hint =
      kind === "nix" ? "; write the graph of a whole closure (nix path-info --json --recursive)" : "";
    throw new VarveError(
      "DANGLING_REFERENCE",
      `${origin} is not complete: ${id} refers to ${missing}, which is not in it${hint}`,
    );
  }
  return { kind, components: sorted, ...(app !== undefined && { app }) };
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, at) => name === b[at]);
}

/**
 * The graph without the components of these ids and without the references to them. What only they referred to
 * stays. An id that isn't in the graph is ignored.
 */
export function withoutComponents(graph: ReferencesGraph, ids: Iterable<string>): ReferencesGraph {
  const excluded = new Set(ids);
  const components = new Map<string, Component>();
  for (const [id, component] of graph.components) {
    if (excluded.has(id)) continue;
    const references = component.references.filter((reference) => !excluded.has(reference));
    components.set(id, { ...component, references });
  }
  return { ...graph, components };
}
