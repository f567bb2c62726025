/** What real Node projects went through: their production dependencies as npm resolved them, week by week. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Component, makeGraph } from "#graph";
import type { Version } from "./stream.ts";

/** The projects, by the framework that each is made with: `histories/README.md` says how they were written. */
export const HISTORIES = ["fastify", "next", "nest", "astro"] as const;

/**
 * What one update brings.
 *
 * - `one at a time`: all that changed in one repository's packages between two dates, with the project rebuilt; repositories are in the order of
 *   their names.
 * - `weekly`: all that changed since the date before; six more follow in which only the project changes.
 */
export type Rhythm = "one at a time" | "weekly";
export const RHYTHMS: readonly Rhythm[] = ["one at a time", "weekly"];

/** A date's number, and the version and bytes from then on; only the number where the package is gone. */
type Change = readonly [at: number] | readonly [at: number, version: string, bytes: number];

/** A project's history as its file has it. */
export interface History {
  /** How it was made. */
  readonly origin: string;
  readonly dates: readonly string[];
  /** Key, repository (empty if it is unknown) and changes of each package. */
  readonly packages: readonly (readonly [key: string, repository: string, ...Change[]])[];
}

interface Installed {
  readonly version: string;
  readonly bytes: number;
}

/** Packages by key. */
type State = ReadonlyMap<string, Installed>;

/** An application of 2 MB that is built anew for each update stands for the project's own files. */
const PROJECT_BYTES = 2 * 1024 * 1024;

export function readHistory(name: (typeof HISTORIES)[number]): History {
  const file = join(import.meta.dirname, "histories", `${name}.json`);
  return JSON.parse(readFileSync(file, "utf8")) as History;
}

/** The first version of a project's image, and one for each update. */
export function historyOf(history: History, rhythm: Rhythm): Version[] {
  const repositories = new Map(
    history.packages.map(([key, repository]) => [key, repository === "" ? nameOf(key) : repository]),
  );
  const states = statesOf(history);
  const images: State[] = [states[0]!];
  for (const [at, state] of states.entries()) {
    if (at === 0) continue;
    if (rhythm === "weekly") images.push(...Array.from({ length: 7 }, () => state));
    else images.push(...oneAtATime(states[at - 1]!, state, (key) => repositories.get(key)!));
  }
  return images.map((state, build) => versionOf(state, { build, repositories }));
}

/** What is installed at each date. */
function statesOf({ dates, packages }: History): State[] {
  return dates.map((_, date) => {
    const state = new Map<string, Installed>();
    for (const [key, , ...changes] of packages) {
      const [, version, bytes] = changes.findLast(([at]) => at <= date) ?? [];
      if (version !== undefined) state.set(key, { version, bytes: bytes! });
    }
    return state;
  });
}

/** What is installed after each of the repositories that changed from one date to the next. */
function oneAtATime(before: State, after: State, repositoryOf: (key: string) => string): State[] {
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => before.get(key)?.version !== after.get(key)?.version,
  );
  const byRepository = Map.groupBy(changed, repositoryOf);
  const states: State[] = [];
  let last = before;
  for (const name of [...byRepository.keys()].sort()) {
    const state = new Map(last);
    for (const key of byRepository.get(name)!) {
      const installed = after.get(key);
      if (installed === undefined) state.delete(key);
      else state.set(key, installed);
    }
    states.push(state);
    last = state;
  }
  return states;
}

/** Where two versions of a package are installed, their keys have more than the name. */
function nameOf(key: string): string {
  return key.replace(/(?<=.)@.*/, "");
}

function versionOf(
  state: State,
  { build, repositories }: { build: number; repositories: ReadonlyMap<string, string> },
): Version {
  const packages = [...state].map(([key, { version, bytes }]) => ({ key, id: idOf(key), version, bytes }));
  const installed = packages.map(
    ({ key, id, version }): Component => ({
      id,
      path: id,
      references: [],
      name: nameOf(key),
      version,
      repository: `https://repositories.example/of/${encodeURIComponent(repositories.get(key)!)}`,
    }),
  );
  const project: Component = { id: ".", path: ".", references: [], name: "project", version: "1.0.0" };
  return {
    graph: makeGraph([project, ...installed], { kind: "npm", origin: "a project's history" }),
    sizes: new Map([[".", PROJECT_BYTES], ...packages.map(({ id, bytes }) => [id, bytes] as const)]),
    // As in a build: from what the packages say of themselves.
    units: undefined,
    contents: new Map([
      [".", `build ${build}`],
      ...packages.map(({ id, version }) => [id, `${id} ${version}`] as const),
    ]),
    applications: new Set(["."]),
  };
}

function idOf(key: string): string {
  return `node_modules/${key}`;
}
