/** pnpm's lock file: https://github.com/pnpm/spec/blob/master/lockfile/9.0.md and its predecessor, 6.0. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { VarveError } from "#errors";
import { isObject, type JsonObject, readText } from "../file.ts";
import { type LockedPackage, LockedPackages, type LockFacts, type Wish } from "../installed/lock-facts.ts";
import type { NodeProject } from "../project.ts";
import { parseYaml, picks, text } from "../yaml.ts";

/**
 * Reads `pnpm-lock.yaml`, and what pnpm says of what it has installed.
 * @throws VarveError `INVALID_GRAPH`, also if what is installed isn't what the lock file says
 */
export async function readPnpmLock({ root, lockFile }: NodeProject): Promise<LockFacts> {
  const text = ofPackages(await readText(lockFile));
  const lock = await parseLock(lockFile, text);
  const file = join(root, "node_modules/.pnpm/lock.yaml");
  const there = existsSync(file) ? await readText(file) : text;
  // It mostly is the same, and to read it takes as long as all else.
  if (there !== text) checkInstalled(lock, { installed: await parseLock(file, there), lockFile, root });
  const importers = importersOf(lock);
  return {
    packages: new LockedPackages(packagesOf(lock)),
    versionFor: ({ from, name }: Wish) => plain(dependencyOf(importers[from], name)),
    isLinked: ({ from, name }: Wish) => dependencyOf(importers[from], name)?.startsWith("link:") === true,
    // A hook may change whatever packages ask for.
    isReplaced: (name) =>
      lock["pnpmfileChecksum"] !== undefined || JSON.stringify(lock["overrides"] ?? {}).includes(name),
    omitsOptional: await omitsOptional(root),
  };
}

async function parseLock(file: string, text: string): Promise<JsonObject> {
  const lock = await parseYaml(file, text);
  const version = isObject(lock) ? Number.parseFloat(String(lock["lockfileVersion"])) : Number.NaN;
  if (isObject(lock) && version >= 6 && version < 10) return lock;
  throw new VarveError(
    "INVALID_GRAPH",
    `${file} is not a pnpm lock file of version 6 to 9; write it again with \`pnpm install\` of pnpm 8 or newer`,
  );
}

/**
 * What of a lock file's text is about a project's packages: pnpm 11 and newer put a document before it, with the pnpm that
 * `packageManager` in `package.json` asks for, and what that is made of.
 */
export function ofPackages(text: string): string {
  const [{ index, 0: line } = { index: 0, 0: "" }] = [...text.matchAll(/^---[ \t]*\r?\n/gm)].slice(-1);
  return text.slice(index + line.length);
}

/** A lock file of version 6 that has no workspace has its project's dependencies at the top. */
function importersOf(lock: JsonObject): JsonObject {
  return isObject(lock["importers"]) ? lock["importers"] : { ".": lock };
}

function dependencyOf(importer: unknown, name: string): string | undefined {
  for (const field of ["dependencies", "optionalDependencies", "devDependencies"]) {
    const all = isObject(importer) ? importer[field] : undefined;
    const found = isObject(all) && Object.hasOwn(all, name) ? all[name] : undefined;
    if (found !== undefined) return text(isObject(found) ? found["version"] : found);
  }
  return undefined;
}

/** The version of a registry's package, without its peers' in parentheses; undefined for a link, an alias or a folder. */
function plain(version: string | undefined): string | undefined {
  return version === undefined ? undefined : /^\d[^(:/]*(?=\(|$)/.exec(version)?.[0];
}

function* packagesOf(lock: JsonObject): Generator<LockedPackage, void, void> {
  const packages = isObject(lock["packages"]) ? lock["packages"] : {};
  const snapshots = isObject(lock["snapshots"]) ? lock["snapshots"] : packages;
  const needs = new Map<string, Set<string>>();
  for (const [key, value] of Object.entries(snapshots)) {
    const names = needs.get(withoutPeers(key)) ?? new Set();
    needs.set(withoutPeers(key), names);
    for (const field of ["dependencies", "optionalDependencies"]) {
      const all = isObject(value) ? value[field] : undefined;
      for (const name of Object.keys(isObject(all) ? all : {})) names.add(name);
    }
  }
  for (const [key, value] of Object.entries(packages)) {
    if (!isObject(value)) continue;
    const [, name, version] = /^\/?((?:@[^/@]+\/)?[^/@]+)@(.*)$/.exec(withoutPeers(key)) ?? [];
    const { resolution } = value;
    const own = text(value["name"]) ?? name;
    if (own === undefined) continue;
    yield {
      name: own,
      version: text(value["version"]) ?? plain(version),
      integrity: isObject(resolution) ? text(resolution["integrity"]) : undefined,
      dependencies: [...(needs.get(withoutPeers(key)) ?? [])],
      os: picks(value["os"]),
      cpu: picks(value["cpu"]),
      libc: picks(value["libc"]),
    };
  }
}

function withoutPeers(key: string): string {
  return key.replace(/\(.*$/, "");
}

interface Installed {
  readonly installed: JsonObject;
  readonly lockFile: string;
  readonly root: string;
}

/** pnpm keeps the lock file by which it has installed; of what is in both, versions must be the same. */
function checkInstalled(lock: JsonObject, { installed, lockFile, root }: Installed): void {
  const [wanted, there] = [importersOf(lock), importersOf(installed)];
  for (const [folder, importer] of Object.entries(there)) {
    for (const field of ["dependencies", "optionalDependencies"]) {
      const all = isObject(importer) ? importer[field] : undefined;
      for (const name of Object.keys(isObject(all) ? all : {})) {
        const [now, then] = [dependencyOf(wanted[folder], name), dependencyOf(importer, name)];
        if (now === then) continue;
        throw new VarveError(
          "INVALID_GRAPH",
          `node_modules in ${root} is older than ${lockFile}: ${name} is installed as ${then}, and locked as ${now ?? "nothing"}; run \`pnpm install\` in ${root}`,
        );
      }
    }
  }
}

async function omitsOptional(root: string): Promise<boolean> {
  const file = join(root, "node_modules/.modules.yaml");
  if (!existsSync(file)) return false;
  const state = await parseYaml(file, await readText(file));
  const included = isObject(state) ? state["included"] : undefined;
  return isObject(included) && included["optionalDependencies"] === "false";
}
