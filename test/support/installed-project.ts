import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { ReferencesGraph } from "#graph";
import type { NodePlatform } from "../../src/sources/graph/installed/lock-facts.ts";

export type Manifest = Readonly<Record<string, unknown>>;

/** A project's files: a text, a `package.json` (of a folder), or a link to a path in the project. */
export interface InstalledFiles {
  readonly files?: Readonly<Record<string, string>>;
  readonly packages?: Readonly<Record<string, Manifest>>;
  readonly links?: Readonly<Record<string, string>>;
}

/** Puts files where a package manager would have put them, links relative. Each package has a file beside its manifest. */
export function writeInstalled(
  folder: string,
  { files = {}, packages = {}, links = {} }: InstalledFiles,
): void {
  const at = (path: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    return join(folder, path);
  };
  for (const [path, text] of Object.entries(files)) writeFileSync(at(path), text);
  for (const [path, manifest] of Object.entries(packages)) {
    writeFileSync(at(`${path}/package.json`), JSON.stringify(manifest));
    writeFileSync(at(`${path}/index.js`), path);
  }
  for (const [path, target] of Object.entries(links)) symlinkSync(relative(dirname(path), target), at(path));
}

/** A package's manifest. */
export function manifest(name: string, version: string, dependencies: readonly string[] = []): Manifest {
  return { name, version, ...(dependencies.length > 0 && { dependencies: named(dependencies) }) };
}

/** Dependencies of any version. */
export function named(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, "*"]));
}

/** What each component refers to. */
export function references(graph: ReferencesGraph): Record<string, readonly string[]> {
  return Object.fromEntries([...graph.components].map(([id, { references }]) => [id, references]));
}

/** So that tests say the same on every machine. */
export const LINUX: NodePlatform = { os: "linux", cpu: "x64", libc: "glibc" };
