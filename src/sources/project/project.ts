/** Turns a project's folder into the spec of its image. */
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { VarveError } from "#errors";
import type { ReferencesGraph } from "#graph";
import {
  basePlace,
  checkSpec,
  type ImageSpec,
  type ImageSpecInput,
  isFields,
  readSpecJson,
  type SpecFields,
  withPaths,
} from "#spec";
import type { Memo } from "#util";
import type { BaseConfig } from "./base.ts";
import { contentOf } from "./content.ts";
import { fieldsOnBase, fieldsToKeep, fieldsWithoutBase, type Known } from "./fields.ts";
import { gitState } from "./git.ts";
import { filesStayOut, lookAtFiles } from "./ignore/files-out.ts";
import { checkIsIn } from "./ignore/is-in.ts";
import { type OwnFiles, ownFiles } from "./ignore/own-files.ts";
import { joined, type StaysOut, staysOut } from "./ignore/stays-out.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { nodeLine } from "./node-line.ts";
import {
  howInstalled,
  type Installed,
  NOT_INSTALLED,
  orOfWorkspace,
  workspaceStaysOut,
} from "./workspace.ts";

/** The name of a spec in a project's folder. */
export const SPEC_FILE = "varve.json";

export interface ProjectOptions {
  /** The base where the spec names none, and the project isn't asked. */
  readonly base?: string | undefined;
  /** Gets the fields of the project's own spec, not yet checked, and returns those that count. */
  readonly change?: ((fields: SpecFields) => SpecFields) | undefined;
  /** Knows what was read before for another package of the same workspace. */
  readonly memo?: Memo | undefined;
}

/** The spec of a project's image. */
export interface ProjectSpec {
  readonly spec: ImageSpec;
  /** The same as people write it. */
  readonly fields: SpecFields;
  /** Sentences about what follows from the project. */
  readonly derived: readonly string[];
  /** Sentences about what the user may have to see to. */
  readonly notes: readonly string[];
}

/** A project that was read. */
export interface Project {
  readonly folder: string;
  /** What can be said before the base is known: enough to open the images that it names. */
  readonly spec: ImageSpec;
  /**
   * The whole spec.
   * @param base the base's config, or undefined without a base
   * @throws VarveError `INVALID_SPEC`
   */
  onBase(base: BaseConfig | undefined): ProjectSpec;
  /**
   * What of the project is in no image that has this graph.
   * @throws VarveError `UNREADABLE`
   */
  staysOut(graph: ReferencesGraph): StaysOut;
  /** What `varve init` writes down: see {@link fieldsToKeep}. */
  toKeep(): SpecFields;
}

/**
 * Reads a project. Its spec is `varve.json`, or what package.json has under `varve`; all that it leaves out follows from the
 * project. Nothing is installed, run or changed.
 * @throws VarveError `INVALID_SPEC`, `INVALID_JSON`, `NOT_FOUND`, `UNREADABLE`
 */
export async function openProject(path: string, options: ProjectOptions = {}): Promise<Project> {
  const folder = resolve(path);
  const manifest = await readManifest(folder);
  const written = await givenFields(folder, manifest);
  const change = options.change ?? ((fields) => fields);
  const about = { folder, manifest, base: options.base, installed: await howInstalled(folder, options.memo) };
  const what = written.file ?? `the spec of ${folder}`;
  const known = await orOfWorkspace(() => know(change(withPaths(written.fields, folder)), about), folder);
  const shown = { ...known, given: change(written.fields) };
  return {
    folder,
    spec: checkIn(folder, fieldsWithoutBase(known).fields, what),
    onBase(base) {
      const { fields, derived, notes } = fieldsOnBase(known, base);
      const spec = checkIn(folder, fields, what);
      return { spec, fields: inFolder(fieldsOnBase(shown, base).fields, folder), derived, notes };
    },
    staysOut: (graph) => {
      const ofFiles = filesStayOut(known.named, graph);
      return known.own === undefined ? ofFiles : joined([workspaceStaysOut(known.own, graph), ofFiles]);
    },
    toKeep: () => fieldsToKeep(shown, "./node_modules/varve/dist/spec.schema.json"),
  };
}

/**
 * What stays out of the image of a spec that isn't a project's own: of its graph nothing, unless it says `ignore` or
 * `include`, and of its files what never is in an image.
 * @param folder what the spec's paths are relative to
 * @throws VarveError `INVALID_SPEC`, `UNREADABLE`
 */
export function specStaysOut(
  { graph: place, files = [], ignore, include }: Pick<ImageSpec, "graph" | "files" | "ignore" | "include">,
  { graph, folder }: { readonly graph: ReferencesGraph; readonly folder: string },
): StaysOut {
  const isAsked = ignore !== undefined || include !== undefined;
  const own = place === undefined || !isAsked ? undefined : filesOf(place, { ignore, include });
  const ofFiles = filesStayOut(lookAtFiles(files, { folder: resolve(folder), ignore, include }), graph);
  return own === undefined ? ofFiles : joined([staysOut(own, graph), ofFiles]);
}

/** Whether a folder is a project, as far as that can be seen. */
export function isProject(folder: string): boolean {
  return existsSync(join(folder, "package.json")) || existsSync(join(folder, SPEC_FILE));
}

/**
 * Whether a folder has a spec of its own.
 * @throws VarveError `UNREADABLE`, `INVALID_JSON`, `INVALID_SPEC`
 */
export async function hasSpec(folder: string): Promise<boolean> {
  return existsSync(join(folder, SPEC_FILE)) || (await readManifest(folder)).varve !== undefined;
}

/** The fields that a project's folder has. */
async function givenFields(
  folder: string,
  manifest: Manifest,
): Promise<{ fields: SpecFields; file?: string }> {
  const file = join(folder, SPEC_FILE);
  const own = manifest.varve;
  if (existsSync(file)) {
    if (own !== undefined) {
      throw new VarveError(
        "INVALID_SPEC",
        `${folder} has two specs, ${SPEC_FILE} and "varve" in package.json; leave one of them out`,
      );
    }
    const fields = await readSpecJson(file);
    if (isFields(fields)) return { fields, file };
    throw new VarveError("INVALID_SPEC", `${file} isn't as it should be: it is no object`);
  }
  const what = `"varve" in ${join(folder, "package.json")}`;
  if (own === undefined) {
    if (isProject(folder)) return { fields: {} };
    throw new VarveError(
      "INVALID_SPEC",
      `${folder} is no project: it has neither package.json nor ${SPEC_FILE}; ${howToBegin(folder)}`,
    );
  }
  if (isFields(own)) return { fields: own, file: what };
  throw new VarveError("INVALID_SPEC", `${what} isn't as it should be: it is no object`);
}

/** Tools such as Nx have the packages of all apps in one package.json above them. */
function howToBegin(folder: string): string {
  for (let above = dirname(folder); above !== dirname(above); above = dirname(above)) {
    if (!existsSync(join(above, "package.json"))) continue;
    return `if it is an app of ${above}, write ${SPEC_FILE} here, with "graph": ${JSON.stringify(relative(folder, above))} and as "cmd" what is run from there; else name a folder that has one`;
  }
  return "name a folder that has, or a spec, or begin one with npm init";
}

interface About {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly base: string | undefined;
  readonly installed: Installed;
}

function know(given: SpecFields, { folder, manifest, base, installed }: About): Known {
  // What is wrong with the spec itself comes first: what follows from it would only confuse.
  check({ name: "app", ...given }, `the spec of ${folder}`);
  const root = resolve(folder, relative(`/${installed.app}`, "/"));
  const project = { folder, manifest, root, manager: installed.manager };
  const content = contentOf(given, project);
  const { isAlone, command } = content;
  const own = isAlone ? undefined : filesOf(given.graph ?? folder, given);
  if (command !== undefined && own !== undefined) checkIsIn(command, own);
  const place = basePlace(given.fromImage).place ?? base;
  const line = place === undefined ? nodeLine(folder, manifest) : undefined;
  const isOwnGraph = !isAlone && (given.graph === undefined || resolve(given.graph) === folder);
  const known = {
    ...{ folder, installed: isOwnGraph ? installed : NOT_INSTALLED, manifest, own, line },
    git: gitState(folder),
    ...content,
  };
  const named = line === undefined ? place : `node:${line.major}-slim`;
  const why = given.fromImage !== undefined ? undefined : (line?.from ?? "VARVE_BASE");
  const { fromImage, ...others } = given;
  return { ...known, given: others, from: { place: named, why, field: fromImage ?? named } };
}

function filesOf(
  graph: string,
  { ignore, include }: Pick<ImageSpecInput, "ignore" | "include">,
): OwnFiles | undefined {
  const stats = statSync(graph, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  // A lock file stands for the project that it is in.
  const folder = stats.isDirectory() ? graph : dirname(graph).replace(/\/node_modules$/, "");
  return ownFiles(folder, { ignore, include });
}

/** As {@link check}, of fields whose files may be relative to the folder. */
function checkIn(folder: string, fields: SpecFields, what: string): ImageSpec {
  const { files } = fields;
  return check(files === undefined ? fields : { ...fields, ...withPaths({ files }, folder) }, what);
}

/** Fields in which the project's own folder is `.`. */
function inFolder(fields: SpecFields, folder: string): SpecFields {
  if (fields.graph === undefined || resolve(fields.graph) !== folder) return fields;
  return { ...fields, graph: relative(folder, resolve(fields.graph)) || "." };
}

function check(fields: SpecFields, what: string): ImageSpec {
  return checkSpec(fields, { what });
}
