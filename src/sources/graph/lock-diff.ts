/** Which packages two states of a lock file differ in. */
import { parse } from "jsonc-parser";
import { isObject, type JsonObject } from "./file.ts";
import { installedName } from "./npm/lock.ts";
import { ofPackages } from "./pnpm/lock.ts";
import type { PackageManager } from "./project.ts";
import { parseYaml } from "./yaml.ts";

/**
 * The names of the packages that a lock file has otherwise now: in another version, with other dependencies, at another place, or
 * not at all. What it says of the project's own packages doesn't count, since their manifests say it.
 * @returns undefined where one of the two can't be read
 */
export async function changedPackages(
  manager: PackageManager,
  { before, after }: { readonly before: string; readonly after: string },
): Promise<ReadonlySet<string> | undefined> {
  const [one, other] = [await statesOf(manager, before), await statesOf(manager, after)];
  if (one === undefined || other === undefined) return undefined;
  const names = new Set([...one.keys(), ...other.keys()]);
  return new Set([...names].filter((name) => one.get(name) !== other.get(name)));
}

/** All that a lock file says of each name. */
async function statesOf(
  manager: PackageManager,
  text: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const found = new Map<string, string[]>();
    for (const [names, state] of await entriesOf(manager, text)) {
      for (const name of names) found.set(name, [...(found.get(name) ?? []), state]);
    }
    return new Map([...found].map(([name, states]) => [name, states.sort().join("\n")]));
  } catch {
    return undefined;
  }
}

type Entry = readonly [names: readonly string[], state: string];

async function entriesOf(manager: PackageManager, text: string): Promise<Entry[]> {
  if (manager === "npm") return npmEntries(JSON.parse(text));
  if (manager === "bun") return keyedEntries(objectIn(parse(text), "packages"));
  if (manager === "yarn-classic") return classicEntries(text);
  const lock = await parseYaml("a lock file", manager === "pnpm" ? ofPackages(text) : text);
  if (manager === "yarn") return keyedEntries(lock);
  const { packages, snapshots } = isObject(lock) ? lock : ({} as JsonObject);
  return [...keyedEntries(packages), ...keyedEntries(snapshots)];
}

function objectIn(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}

function npmEntries(lock: unknown): Entry[] {
  const packages = objectIn(lock, "packages");
  return Object.entries(isObject(packages) ? packages : {}).flatMap(([key, value]): Entry[] => {
    const name = installedName(key);
    if (name === undefined) return [];
    // An alias has another name of its own.
    const real = isObject(value) && typeof value["name"] === "string" ? [value["name"]] : [];
    return [[[...new Set([name, ...real])], `${key} ${JSON.stringify(value)}`]];
  });
}

/** Entries of objects whose keys are such as `name@1.0.0`, `/name@1.0.0(peer@2)`, or `a@npm:^1, a@npm:^2`. */
function keyedEntries(value: unknown): Entry[] {
  return Object.entries(isObject(value) ? value : {}).map(([key, entry]): Entry => {
    const names = key.split(", ").map(nameOf);
    // Of what is nested, as bun has it, the last one is meant.
    return [[...new Set(names)], `${key} ${JSON.stringify(entry)}`];
  });
}

/** yarn 1 has blocks of lines, each of which begins with what is asked for. */
function classicEntries(text: string): Entry[] {
  const blocks = text.split(/\n(?=[^\s#])/).filter((block) => !block.startsWith("#") && block.trim() !== "");
  return blocks.map((block): Entry => {
    const [first = ""] = block.split("\n");
    const patterns = first.replace(/:$/, "").replaceAll('"', "").split(", ");
    const real = patterns.flatMap((pattern) => /@npm:(.+)$/.exec(pattern)?.[1] ?? []);
    return [[...new Set([...patterns, ...real].map(nameOf))], block];
  });
}

function nameOf(key: string): string {
  const [, name = key] = /^\/?((?:@[^/@]+\/)?[^/@]+)(?:[@/].*)?$/.exec(key) ?? [];
  return name;
}
