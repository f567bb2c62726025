/** What an image is asked for by: a spec, the file that it is in, or a project's folder. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { VarveError } from "#errors";
import type { KeptListings } from "#fs";
import type { ReferencesGraph } from "#graph";
import type { Image } from "#image";
import { type LeftOut, openProject, type StaysOut, specStaysOut, summary } from "#project";
import { checkSpecIn, type ImageSpec, type ImageSpecInput, readSpec, type SpecFields } from "#spec";
import { isFolder } from "#util";
import { beginListings } from "./ahead.ts";
import type { Machine } from "./machine.ts";

/** A spec that was read, as far as it goes before its base is known. */
export interface SpecSource {
  /** Enough to open the images that it names. */
  readonly spec: ImageSpec;
  /** The folder that it is about: the project's, or the one that the spec is in. */
  readonly folder: string;
  /** What of it is being listed already. */
  readonly listings?: KeptListings | undefined;
  /** The whole spec, the same as people write it, what follows from a project, and what the user may have to see to. */
  onBase(base: Image | undefined): {
    readonly spec: ImageSpec;
    readonly fields: SpecFields;
    readonly derived: readonly string[];
    readonly notes: readonly string[];
  };
  /** What of the graph's folder isn't in the image. */
  staysOut(graph: ReferencesGraph): StaysOut;
}

export interface SourceOptions {
  readonly machine: Machine;
  /** Gets a file's or a folder's fields, not yet checked, and returns those that count. */
  readonly change?: ((fields: SpecFields) => SpecFields) | undefined;
  /** Begins to list a project's files meanwhile, for a build. */
  readonly listsAhead?: boolean;
  /** What was begun before. */
  readonly begun?: KeptListings | undefined;
  /** Ends the wait for a spec that comes out of a pipe. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A spec that is given as it is.
 * @param folder what its patterns are relative to
 */
export function specSource(spec: ImageSpec, folder = "."): SpecSource {
  return {
    spec,
    folder,
    onBase: () => ({ spec, fields: spec, derived: [], notes: [] }),
    staysOut: (graph) => specStaysOut(spec, { graph, folder }),
  };
}

/**
 * Reads what an image is asked for by.
 * @param given - a spec whose paths are relative to the working directory, the path of its file, or that of a project's folder
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `INVALID_SPEC`
 */
export async function openSource(
  given: string | ImageSpecInput,
  { machine, change, listsAhead = false, begun, signal }: SourceOptions,
): Promise<SpecSource> {
  if (typeof given !== "string") return specSource(checkSpecIn(".", given));
  if (!isFolder(given)) {
    refuseProjectFile(given);
    return specSource(await readSpec(given, { change, signal }), dirname(given));
  }
  const { cache } = machine;
  const listings = listsAhead && cache !== undefined ? (begun ?? beginListings(cache, given)) : undefined;
  const project = await openProject(given, { base: machine.base, change, memo: machine.together?.memo });
  return {
    spec: project.spec,
    folder: given,
    listings,
    onBase: (base) => project.onBase(base?.config.value.config ?? undefined),
    staysOut: project.staysOut,
  };
}

/** Files of a project's that people take for what it is asked for by: its manifest, a lock file, a program, a Dockerfile. */
const NO_SPEC =
  /^(?:package|package-lock|npm-shrinkwrap)\.json$|\.(?:[cm]?[jt]sx?|ya?ml|lock)$|^(?:Docker|Container)file/;

/** @throws VarveError `INVALID_SPEC` */
function refuseProjectFile(path: string): void {
  if (!NO_SPEC.test(basename(path))) return;
  throw new VarveError(
    "INVALID_SPEC",
    `${path} is no spec; name the folder of the project that it is in: varve build ${projectOf(path)}`,
  );
}

/** The nearest folder around a file that is a project; that which it is in, if there is none. */
function projectOf(path: string): string {
  for (let folder = dirname(path); ; folder = join(folder, "..")) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (resolve(folder) === resolve(folder, "..")) return dirname(path);
  }
}

/** Who is told about what a source says. */
export interface SourceListener {
  /** Gets a sentence for what the user may want to know. */
  readonly onNote?: ((sentence: string) => void) | undefined;
  /** Gets the sentences, three at most, about what follows from a project; without it they are notes like others. */
  readonly onDerived?: ((sentence: string) => void) | undefined;
  /** Gets what of the project stays out of the image, all of it. */
  readonly onLeftOut?: ((list: readonly LeftOut[]) => void) | undefined;
}

/** What a source says once its base is known. What there is to tell is told once, however often its graph is read. */
export function sourceOnBase(source: SpecSource, base: Image | undefined, listener: SourceListener) {
  const { onNote, onDerived = onNote, onLeftOut } = listener;
  const { derived, notes, ...known } = source.onBase(base);
  for (const sentence of derived) onDerived?.(sentence);
  for (const note of notes) onNote?.(note);
  let isTold = false;
  const leftOut = (graph: ReferencesGraph): readonly string[] => {
    const out = source.staysOut(graph);
    const line = summary(out);
    if (!isTold) {
      for (const note of out.notes) onNote?.(note);
      if (line !== undefined) onDerived?.(line);
      onLeftOut?.(out.list);
    }
    isTold = true;
    return out.paths;
  };
  return { ...known, leftOut };
}
