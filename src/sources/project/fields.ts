/** The fields of a spec that follow from a project, under those that are given. */
import { posix } from "node:path";
import { type SpecFields, splitWords } from "#spec";
import { type BaseConfig, baseEnv, checkRuns, nodeMajor, startsNode, userFor } from "./base.ts";
import type { Output } from "./command/outputs.ts";
import type { NodeCommand } from "./command/start.ts";
import type { GitState } from "./git.ts";
import type { NamedFiles } from "./ignore/files-out.ts";
import type { OwnFiles } from "./ignore/own-files.ts";
import { projectLabels } from "./labels.ts";
import type { Manifest } from "./manifest.ts";
import { FOLDER_IN_IMAGE, imageName, imageTag } from "./name.ts";
import type { NodeLine } from "./node-line.ts";
import { ENDS_ON_SIGNALS, shortened, takesImports } from "./signals.ts";
import type { Installed } from "./workspace.ts";

/** Node.js names places in what was written, not in what was made of it. */
const SOURCE_MAPS = "--enable-source-maps";

/** Where a server listens that is reached from outside of its container. */
const EVERYWHERE = "0.0.0.0";

/** What is known of a project. */
export interface Known {
  readonly folder: string;
  readonly installed: Installed;
  readonly manifest: Manifest;
  readonly git: GitState;
  /** The fields that are given. */
  readonly given: SpecFields;
  readonly own: OwnFiles | undefined;
  /** The folders that the files are in, where there are any. */
  readonly named: readonly NamedFiles[];
  /** Files that follow from the project: what its framework has put out. */
  readonly output: Output["files"] | undefined;
  /** Whether the image has the files and nothing else of the project. */
  readonly isAlone: boolean;
  /** Where the command is run in the image, if that follows from where its file is there. */
  readonly workingDir: string | undefined;
  /** Undefined where the spec has a command. */
  readonly command: NodeCommand | undefined;
  /** Undefined where the spec, or the user, names a base. */
  readonly line: NodeLine | undefined;
  /** The base's place, and the field that has it, which may demand something of it. */
  readonly from: {
    readonly place: string | undefined;
    readonly why: string | undefined;
    readonly field: SpecFields["fromImage"];
  };
}

/** Fields that follow from a project. */
export interface Derived {
  readonly fields: SpecFields;
  /** Sentences about what follows. */
  readonly derived: string[];
  /** Sentences about what the user may have to see to. */
  readonly notes: readonly string[];
}

/** Whether a spec says what is run. */
export function saysCommand({ cmd, config }: SpecFields): boolean {
  return cmd !== undefined || config?.Cmd !== undefined || config?.Entrypoint !== undefined;
}

/** What can be said without the base. */
export function fieldsWithoutBase(known: Known): Derived {
  const { folder, manifest, given, from, output, isAlone } = known;
  const { manager } = known.installed;
  const name = given.name ?? imageName(manifest.name, folder);
  const tag = given.tag ?? imageTag(manifest.version);
  const parts: string[] = [];
  if (given.name === undefined) {
    const source = manifest.name === undefined ? "the folder's name" : "package.json";
    parts.push(`${name}${tag === undefined ? "" : `:${tag}`} (from ${source})`);
  }
  if (from.why !== undefined) parts.push(`on ${from.place} (from ${from.why})`);
  if (manager !== undefined) parts.push(`with packages of ${manager}`);
  const graph = given.graph ?? (isAlone ? undefined : folder);
  const files = given.files ?? output;
  return {
    fields: {
      ...given,
      name,
      ...(tag !== undefined && { tag }),
      ...(from.field !== undefined && { fromImage: from.field }),
      ...(graph !== undefined && { graph, omit: given.omit ?? ["dev"] }),
      ...(files !== undefined && { files }),
    },
    derived:
      parts.length > 0 ? [`the image is ${given.name === undefined ? "" : "built "}${parts.join(", ")}`] : [],
    notes: [],
  };
}

/** All of it, once the base's config is known. */
export function fieldsOnBase(known: Known, base: BaseConfig | undefined): Derived {
  const { given, manifest, git, command } = known;
  const taken = given.inherit === undefined || given.inherit === "all" ? base : undefined;
  const { fields, derived } = fieldsWithoutBase(known);
  const { config = {} } = given;
  const env = environment(known, taken);
  const user = given.user ?? config.User;
  const derivedUser = user === undefined ? userFor(taken) : undefined;
  const run = commandFields(known, taken);
  const labels = unless(config.Labels, projectLabels(manifest, git));
  const settings = Object.entries(env.derived).map(([name, value]) => shortened(`${name}=${value}`));
  const how = [
    ...(settings.length > 0 ? [`with ${settings.join(" ")}`] : []),
    ...(derivedUser === undefined ? [] : [`as user ${derivedUser}`]),
  ].join(" ");
  if (command !== undefined) {
    checkRuns(command, { base, major: known.line?.major });
    const words = ["node", ...flagsOf(known, command), command.file, ...command.args];
    derived.push(`it runs \`${words.join(" ")}\` (from ${command.from}) ${how}`.trimEnd());
  } else if (how !== "") derived.push(`it is run ${how}`);
  const notes = [...(command?.notes ?? [])];
  const { listens } = command ?? {};
  // Whoever sets it knows why.
  if (listens !== undefined && env.derived[listens.name] === EVERYWHERE) {
    notes.push(`${listens.name} is ${EVERYWHERE}, since ${listens.why}`);
  }
  return {
    fields: {
      ...fields,
      ...run.short,
      ...(Object.keys(env.all).length > 0 && { env: env.all }),
      ...(derivedUser !== undefined && { user: derivedUser }),
      ...(Object.keys(labels).length > 0 && { labels: { ...labels, ...given.labels } }),
      config: { ...config, WorkingDir: folderInImage(known), ...run.full },
    },
    derived,
    notes,
  };
}

/** Keeps the layers from build to build, for everybody who has the repository. */
const LOCK_FILE = "layers.lock.json";

/**
 * What is worth to be written down and changed: what neither changes from version to version nor follows from the base.
 * @param schema where an editor finds the spec's JSON Schema
 */
export function fieldsToKeep(known: Known, schema: string): SpecFields {
  const { name, tag, fromImage, graph, files, omit, cmd, env, config } = fieldsOnBase(
    known,
    undefined,
  ).fields;
  // Its options follow from the files and the base.
  const { NODE_OPTIONS: _, ...kept } = env ?? {};
  const ownEnv = { ...kept, ...known.given.env };
  return {
    $schema: schema,
    ...(name !== undefined && { name }),
    ...(known.given.tag !== undefined && { tag }),
    ...(fromImage !== undefined && { fromImage }),
    ...(graph !== undefined && { graph: "." }),
    ...(files !== undefined && { files }),
    ...(omit !== undefined && { omit }),
    ignore: [],
    ...(cmd !== undefined && { cmd }),
    ...(Object.keys(ownEnv).length > 0 && { env: ownEnv }),
    ...(config !== undefined && { config }),
    lockFile: LOCK_FILE,
  };
}

function folderInImage({ given: { config }, installed, workingDir }: Known): string {
  return config?.WorkingDir ?? workingDir ?? posix.resolve(FOLDER_IN_IMAGE, installed.app);
}

/** Flags of Node.js: the project's own, and how it finds packages without `node_modules`. */
function flagsOf(known: Known, { flags }: NodeCommand): readonly string[] {
  const { app, isPnp, hasLoader } = known.installed;
  if (!isPnp) return flags;
  const root = posix.join(folderInImage(known), posix.relative(`/${app}`, "/"));
  // As yarn itself starts Node.js.
  const loader = hasLoader ? ["--experimental-loader", posix.join(root, ".pnp.loader.mjs")] : [];
  return ["-r", posix.join(root, ".pnp.cjs"), ...loader, ...flags];
}

/** The environment that follows from the project, and all of it that isn't in the full config. */
function environment({ given, command, own, named: files, line }: Known, base: BaseConfig | undefined) {
  const isSaid = command?.flags.includes(SOURCE_MAPS) ?? false;
  const hasMaps = own?.hasMaps || files.some((each) => each.hasMaps);
  const options = [
    ...(hasMaps && !isSaid ? [SOURCE_MAPS] : []),
    ...(takesImports(nodeMajor(base) ?? line?.major) ? [ENDS_ON_SIGNALS] : []),
  ];
  const ofBase = baseEnv(base, "NODE_OPTIONS");
  const all = ofBase === undefined ? options : [ofBase, ...options];
  const node = options.length > 0 ? { NODE_OPTIONS: all.join(" ") } : {};
  const named = Object.fromEntries(
    (given.config?.Env ?? []).map((entry) => [entry.split("=", 1)[0]!, entry]),
  );
  const usual = unless(named, { NODE_ENV: "production", ...node, ...command?.env });
  // In one order, whoever says it.
  return { derived: unless(given.env, usual), all: { ...usual, ...given.env } };
}

/** Those of some fields whose names others don't have. */
function unless<T>(others: object | undefined, fields: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !Object.hasOwn(others ?? {}, name)));
}

interface CommandFields {
  readonly short: Pick<SpecFields, "cmd">;
  readonly full: { readonly Entrypoint?: string[] };
}

/** The command, without the word `node` where the base's entry point is that. */
function commandFields(known: Known, base: BaseConfig | undefined): CommandFields {
  const { given, command } = known;
  const isNode = startsNode(base);
  if (command === undefined) {
    const words = typeof given.cmd === "string" ? splitWords(given.cmd) : given.cmd;
    const isDropped = isNode && words?.[0] === "node" && given.config?.Entrypoint === undefined;
    return { short: isDropped ? { cmd: words!.slice(1) } : {}, full: {} };
  }
  const { file, args, isTool } = command;
  const flags = flagsOf(known, command);
  if (isTool) {
    // It may be run in another folder, on files that are there.
    const path = `${folderInImage(known).replace(/\/+$/, "")}/${file}`;
    const node = isNode ? (base?.Entrypoint ?? []) : ["node"];
    return { short: {}, full: { Entrypoint: [...node, ...flags, path] } };
  }
  const words = [...flags, file, ...args];
  return { short: { cmd: asWritten(isNode ? words : ["node", ...words]) }, full: {} };
}

/** Words as people write them: in one text, if that means the same. */
function asWritten(words: string[]): string | string[] {
  return words.every((word) => /^[\w@%+=:,./-]+$/.test(word)) ? words.join(" ") : words;
}
