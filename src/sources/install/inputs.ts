/** The files from which a package manager installs, and which determine what it installs. */
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { readError, VarveError } from "#errors";
import { type NodePlatform, type NodeProject, parseYaml, readManifest } from "#graph";
import { compareNames, fsPath } from "#util";

/** Settings in a project's root. They may have credentials in them, and go as soon as the packages are there. */
const SETTINGS = [".npmrc", ".yarnrc", ".yarnrc.yml", "bunfig.toml", ".pnpmfile.cjs", ".pnpmfile.mjs"];

const FILES = ["package.json", "pnpm-workspace.yaml", ...SETTINGS];

/** Patches, and yarn's own programs. */
const FOLDERS = ["patches", ".yarn/patches", ".yarn/plugins", ".yarn/releases"];

/** A file's bytes, or where a link leads. */
type Input = Uint8Array | { readonly link: string };

/** What a project is installed from. */
export interface Inputs {
  /** By path relative to the project's root, in order. */
  readonly files: ReadonlyMap<string, Input>;
  /** The project's own copy of yarn, as its settings name it. */
  readonly yarnPath: string | undefined;
}

/**
 * Collects what a project's packages are installed from: its lock file, its manifests and settings, patches, and the files
 * and folders that it has as packages.
 * @throws VarveError `UNREADABLE`, `INVALID_JSON`, `INVALID_GRAPH`
 */
export async function collectInputs(project: NodeProject, platform: NodePlatform): Promise<Inputs> {
  const { root, lockFile, workspaces, manager } = project;
  const found = new Map<string, Input>();
  const collect = (path: string) => collectPath(root, path, found);
  collect(relative(root, lockFile));
  for (const path of [...FILES, ...FOLDERS]) collect(path);
  for (const folder of workspaces) collect(`${folder}/package.json`);
  for (const folder of [".", ...workspaces]) {
    for (const path of localPackages(await readManifest(join(root, folder)), folder)) collect(path);
  }
  let yarnPath: string | undefined;
  if (manager === "yarn") {
    const settings = await yarnSettings(root, found.get(".yarnrc.yml"));
    if (typeof settings["yarnPath"] === "string") yarnPath = settings["yarnPath"];
    found.set(".yarnrc.yml", Buffer.from(JSON.stringify(forPlatform(settings, platform))));
  }
  return { files: new Map([...found].sort(([a], [b]) => compareNames(a, b))), yarnPath };
}

/** The hash of all inputs, and of what else matters. */
export function inputsKey({ files }: Inputs, others: readonly unknown[]): string {
  const hash = createHash("sha256").update(JSON.stringify(others));
  for (const [path, content] of files) {
    const bytes = content instanceof Uint8Array ? content : JSON.stringify(content);
    hash.update(JSON.stringify([path, createHash("sha256").update(bytes).digest("hex")]));
  }
  return hash.digest("hex");
}

/** Writes the inputs into an empty folder that is nobody else's to read. */
export function layOut({ files }: Inputs, folder: string): void {
  for (const [path, content] of files) {
    const target = fsPath(join(folder, path));
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    if (content instanceof Uint8Array) writeFileSync(target, content, { mode: 0o600 });
    else symlinkSync(content.link, target);
  }
}

/** Removes what may have credentials in it. */
export function removeSettings(folder: string): void {
  for (const name of SETTINGS) rmSync(join(folder, name), { force: true });
}

function collectPath(root: string, path: string, found: Map<string, Input>): void {
  const absolute = fsPath(join(root, path));
  try {
    const stats = lstatSync(absolute, { throwIfNoEntry: false });
    if (stats === undefined) return;
    // A link to settings that lie elsewhere would lead nowhere in another folder.
    const isFile = statSync(absolute, { throwIfNoEntry: false })?.isFile() === true;
    if (isFile) found.set(path, readFileSync(absolute));
    else if (stats.isSymbolicLink()) found.set(path, { link: readlinkSync(absolute) });
    else if (stats.isDirectory()) {
      for (const name of readdirSync(absolute)) {
        if (name !== "node_modules" && name !== ".git") collectPath(root, posix.join(path, name), found);
      }
    }
  } catch (error) {
    throw readError(join(root, path), error);
  }
}

/** Archives, folders and patches within the project that its manifest names as packages, relative to the root. */
function localPackages(manifest: object | undefined, folder: string): string[] {
  const paths: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value === "object" && value !== null) for (const each of Object.values(value)) visit(each);
    const [, path] =
      /^(?:file|link|portal):(?!\/)([^#?]+)/.exec(typeof value === "string" ? value : "") ?? [];
    const plain = path === undefined ? undefined : posix.join(folder, path);
    if (plain !== undefined && plain !== "." && !plain.startsWith("..")) paths.push(plain);
  };
  const fields = manifest as Readonly<Record<string, unknown>> | undefined;
  for (const name of [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "resolutions",
    "overrides",
    "pnpm",
  ])
    visit(fields?.[name]);
  return paths;
}

async function yarnSettings(root: string, content: Input | undefined): Promise<Record<string, unknown>> {
  if (!(content instanceof Uint8Array)) return {};
  const file = join(root, ".yarnrc.yml");
  const value = await parseYaml(file, Buffer.from(content).toString());
  if (value === null || value === "") return {};
  if (typeof value === "object" && !Array.isArray(value)) return { ...value };
  throw new VarveError("INVALID_GRAPH", `${file} isn't as it should be: it is no object`);
}

/** yarn's settings, in JSON, which is YAML, too. */
function forPlatform(
  settings: Readonly<Record<string, unknown>>,
  { os, cpu, libc }: NodePlatform,
): Record<string, unknown> {
  // Its program is named in the command, and its path is relative to the settings.
  const { yarnPath: _, ...others } = settings;
  const supportedArchitectures = {
    os: [os],
    cpu: [cpu],
    libc: libc === undefined ? ["glibc", "musl"] : [libc],
  };
  return { ...others, supportedArchitectures, enableScripts: "false" };
}
