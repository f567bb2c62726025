/** What yarn installs without `node_modules`: archives, and a script, `.pnp.cjs`, that tells Node where they are. */
import { existsSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { readError, VarveError } from "#errors";
import { isObject, type JsonObject, parseJson, readText } from "../file.ts";
import { checkAsked } from "../installed/check-version.ts";
import { graphOfUnits } from "../installed/installed.ts";
import type { LockFacts } from "../installed/lock-facts.ts";
import { isSource } from "../installed/outside.ts";
import type { TreeOptions, Unit } from "../installed/tree.ts";
import type { NodeProject } from "../project.ts";
import type { ReferencesGraph } from "../references-graph.ts";
import { readManifest } from "../workspace.ts";

const SCRIPT = ".pnp.cjs";
/** What Node needs of yarn's own files, beside the packages. */
const RUNTIME = new Set([SCRIPT, ".pnp.loader.mjs", ".pnp.data.json", ".yarn"]);

/** A package as the script has it. */
interface Entry {
  readonly name: string;
  readonly reference: string;
  /** Its folder, relative to the project; in an archive, that counts as a folder. */
  readonly location: string;
  /** Name and reference of what it needs, by the name that it has for it. */
  readonly needs: ReadonlyMap<string, { readonly name: string; readonly reference: string }>;
}

/** Whether yarn has installed a project in this way. */
export function isPnp({ root }: NodeProject): boolean {
  return existsSync(join(root, SCRIPT));
}

/**
 * Reads what yarn has installed without `node_modules`. There is a component for each archive in `.yarn/cache` and each
 * folder in `.yarn/unplugged` that is needed, one for each workspace package, and the project, which has `.pnp.cjs`.
 * @throws VarveError `INVALID_GRAPH`; `DANGLING_REFERENCE` if a package that is needed here isn't there
 */
export async function readPnp(
  project: NodeProject,
  facts: LockFacts,
  options: TreeOptions,
): Promise<ReferencesGraph> {
  const entries = await readEntries(project);
  const sources = new Map([...entries.values()].map((entry) => [entry.location, entry]));
  const units = new Map<string, Unit>();
  const starts = project.app === "." ? [".", ...project.workspaces] : [project.app];
  const queue = starts.map((folder) => sources.get(folder)).filter((entry) => entry !== undefined);
  if (queue.length < starts.length) throw broken(project, "doesn't have all packages of the workspace");
  const seen = new Set(queue);
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const unit = unitAt(units, entry);
    const manifest = isSource(entry.location) ? await readManifest(join(project.root, entry.location)) : {};
    const unneeded = unneededNames(manifest ?? {}, options);
    await checkNeeds(entry, manifest ?? {}, { project, facts });
    for (const [alias, locator] of entry.needs) {
      const target = entries.get(keyOf(locator));
      if (target === undefined || target === entry || unneeded.has(alias)) continue;
      if (!isThere(target, entry, { project, facts, options })) continue;
      checkLocked(target, { project, facts });
      unit.references.add(unitOf(target.location));
      if (seen.has(target)) continue;
      seen.add(target);
      queue.push(target);
    }
  }
  for (const [id, unit] of units) unit.references.delete(id);
  return graphOfUnits(project, { units, left: leftOut(project, units), facts });
}

/** The names of what only developing a workspace's package takes. */
function unneededNames(manifest: JsonObject, { omitDev }: TreeOptions): Set<string> {
  if (!omitDev) return new Set();
  const names = (field: string) => Object.keys(isObject(manifest[field]) ? manifest[field] : {});
  const needed = new Set([
    ...names("dependencies"),
    ...names("optionalDependencies"),
    ...names("peerDependencies"),
  ]);
  return new Set(names("devDependencies").filter((name) => !needed.has(name)));
}

/** Whether the script has what the project's own package asks for now. */
async function checkNeeds(
  { name: own, location, needs }: Entry,
  { dependencies }: JsonObject,
  { project, facts }: Known,
): Promise<void> {
  for (const [name, range] of Object.entries(isObject(dependencies) ? dependencies : {})) {
    const locator = needs.get(name);
    if (locator === undefined) {
      throw new VarveError(
        "DANGLING_REFERENCE",
        `${own} needs ${name}, which ${join(project.root, SCRIPT)} doesn't have; run \`yarn install\` in ${project.root}`,
      );
    }
    const version = versionOf(locator.reference);
    if (version === undefined || typeof range !== "string") continue;
    const need = { name, range, kind: "required" } as const;
    await checkAsked({ from: location, need, version }, project, facts.isReplaced);
  }
}

function unitAt(units: Map<string, Unit>, { name, reference, location }: Entry): Unit {
  const id = unitOf(location);
  let unit = units.get(id);
  if (unit === undefined) {
    const version = versionOf(reference);
    unit = { id: location, manifest: { name, ...(version && { version }) }, references: new Set() };
    units.set(id, unit);
  }
  return unit;
}

/** The archive, or the folder that yarn has unpacked it in; else the package's own folder. */
function unitOf(location: string): string {
  return /^(.*?)\/node_modules\//.exec(`${location}/`)?.[1] ?? location;
}

function versionOf(reference: string): string | undefined {
  return /(?:^|#)npm:(\d[^#:]*)$/.exec(reference)?.[1];
}

interface Known {
  readonly project: NodeProject;
  readonly facts: LockFacts;
}

function isThere(target: Entry, from: Entry, known: Known & { readonly options: TreeOptions }): boolean {
  const { project, facts, options } = known;
  if (/^(?:\.\.)?\/|^\.\.$/.test(target.location)) {
    throw new VarveError(
      "INVALID_GRAPH",
      `${project.root} has ${target.name} in ${target.location}, outside of the project, so it has no place in the image; set enableGlobalCache: false in .yarnrc.yml and run \`yarn install\``,
    );
  }
  if (existsSync(join(project.root, unitOf(target.location)))) return true;
  // Other platforms' packages are in the script, too.
  if (facts.packages.isMadeFor(target.name, options.platform) === false) return false;
  throw new VarveError(
    "DANGLING_REFERENCE",
    `${from.name} needs ${target.name}, and ${unitOf(target.location)} is not there; run \`yarn install\` in ${project.root}`,
  );
}

function checkLocked({ name, reference }: Entry, { project, facts }: Known): void {
  const version = versionOf(reference);
  if (version === undefined || !facts.packages.has(name) || facts.packages.find(name, version)) return;
  throw new VarveError(
    "INVALID_GRAPH",
    `${join(project.root, SCRIPT)} has ${name} ${version}, which ${project.lockFile} doesn't have: what is installed is not what is locked; run \`yarn install\` in ${project.root}`,
  );
}

/** What lies in the project and is in no component: yarn's other files, and packages that weren't reached. */
function leftOut({ root }: NodeProject, units: ReadonlyMap<string, Unit>): string[] {
  const namesIn = (folder: string): string[] => {
    try {
      return readdirSync(join(root, folder));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw readError(join(root, folder), error);
    }
  };
  const packages = [".yarn/cache", ".yarn/unplugged"];
  return [
    ...packages
      .flatMap((folder) => namesIn(folder).map((name) => `${folder}/${name}`))
      .filter((id) => !units.has(id)),
    ...namesIn(".yarn")
      .map((name) => `.yarn/${name}`)
      .filter((id) => !packages.includes(id)),
    // Of a workspace's root nobody asked for its own files.
    ...(units.has(".") ? [] : namesIn(".").filter((name) => !RUNTIME.has(name))),
  ];
}

async function readEntries(project: NodeProject): Promise<Map<string, Entry>> {
  const state = await readState(project);
  const entries = new Map<string, Entry>();
  for (const [name, versions] of pairs(state["packageRegistryData"])) {
    for (const [reference, data] of pairs(versions)) {
      if (!isObject(data) || typeof data["packageLocation"] !== "string") continue;
      // The project itself is there a second time without a name.
      if (typeof name !== "string" || typeof reference !== "string") continue;
      const needs = new Map<string, { name: string; reference: string }>();
      for (const [alias, target] of pairs(data["packageDependencies"])) {
        if (typeof alias !== "string") continue;
        const [other, wanted] = Array.isArray(target) ? target : [alias, target];
        if (typeof wanted === "string") needs.set(alias, { name: String(other), reference: wanted });
      }
      const location = plainLocation(data["packageLocation"]);
      entries.set(keyOf({ name, reference }), { name, reference, location, needs });
    }
  }
  return entries;
}

function keyOf({ name, reference }: { readonly name: string; readonly reference: string }): string {
  return `${name}@${reference}`;
}

function* pairs(value: unknown): Generator<readonly [unknown, unknown], void, void> {
  if (!Array.isArray(value)) return;
  for (const item of value) if (Array.isArray(item)) yield [item[0], item[1]];
}

/** A package that depends on who needs it has a path of its own, which leads to where it really is. */
function plainLocation(location: string): string {
  const path = posix.normalize(location).replace(/\/$/, "");
  const [, before, up, below] = /^(.*?)(?:__virtual__|\$\$virtual)\/[^/]+\/(\d{1,2})\/(.*)$/.exec(path) ?? [];
  return below === undefined ? path : posix.join(before!, "../".repeat(Number(up)), below);
}

async function readState(project: NodeProject): Promise<JsonObject> {
  const data = join(project.root, ".pnp.data.json");
  if (existsSync(data)) {
    const value = parseJson(data, await readText(data));
    if (isObject(value)) return value;
  }
  const script = await readText(join(project.root, SCRIPT));
  // A string in single quotes that goes over many lines.
  const literal = /RAW_RUNTIME_STATE\s*=\s*'((?:[^'\\]|\\[\s\S])*)'/.exec(script)?.[1];
  if (literal === undefined) throw broken(project, "has no list of packages that varve knows");
  const text = literal.replace(/\\(\r?\n|[\s\S])/g, (_, escaped: string) =>
    /^\r?\n$/.test(escaped) ? "" : escaped === "n" ? "\n" : escaped,
  );
  const value = parseJson(join(project.root, SCRIPT), text);
  if (isObject(value)) return value;
  throw broken(project, "has no list of packages that varve knows");
}

function broken({ root }: NodeProject, what: string): VarveError {
  return new VarveError(
    "INVALID_GRAPH",
    `${join(root, SCRIPT)} ${what}; run \`yarn install\` of yarn 3 or newer in ${root}`,
  );
}
