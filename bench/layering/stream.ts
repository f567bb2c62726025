/** Versions of an image, one after the other: what changes from each to the next, and the graph that comes of it. */
import { createHash } from "node:crypto";
import { type Component, makeGraph, type ReferencesGraph } from "#graph";
import { storeName } from "../fixtures/store.ts";
import { Random } from "./random.ts";
import type { Package, World } from "./world.ts";

/** How what changes is drawn. */
export type Draw = "uniform" | "by size" | "one by rate" | "daily";
export const DRAWS: readonly Draw[] = ["uniform", "by size", "one by rate", "daily"];

/** One version of an image. */
export interface Version {
  readonly graph: ReferencesGraph;
  readonly sizes: ReadonlyMap<string, number>;
  readonly units: ReadonlyMap<string, string> | undefined;
  /** What tells a component's bytes from all others. */
  readonly contents: ReadonlyMap<string, string>;
  /** Names of the units of applications. */
  readonly applications: ReadonlySet<string>;
}

interface Live extends Omit<Package, "references" | "bytes"> {
  references: string[];
  bytes: number;
  /** How often it has changed. */
  revision: number;
}

const DAYS = 365;

/**
 * The first version and `updates` more.
 *
 * - `uniform`: an update changes one source package, each as likely as another.
 * - `by size`: one, as likely as its bytes say.
 * - `one by rate`: one, an application 365 times as likely as a library.
 * - `daily`: an update is a day, on which every application changes, and each library with a probability of 1/365.
 * - What changes gets up to 5% larger or smaller. In one of ten changes the package gets a new dependency or loses one.
 */
export function* versions(
  world: World,
  draw: Draw,
  { seed, updates }: { seed: number; updates: number },
): Generator<Version> {
  const random = new Random(seed);
  const live = new Map<string, Live>(
    world.packages.map((one) => [one.name, { ...one, references: [...one.references], revision: 0 }]),
  );
  yield versionOf(world, live);
  for (let update = 1; update <= updates; update++) {
    const sources = new Set(drawSources([...live.values()], draw, random));
    for (const one of [...live.values()].filter((each) => sources.has(each.source))) {
      one.revision++;
      one.bytes = Math.ceil(one.bytes * (0.95 + random.next() / 10));
      const name = `added${update}-${one.name.replace(/^.*\//, "")}`;
      if (random.next() < 0.1) changeDependencies(one, { live, random, name });
    }
    removeUnneeded(live);
    yield versionOf(world, live);
  }
}

function drawSources(packages: readonly Live[], draw: Draw, random: Random): string[] {
  const sources = new Map<string, { bytes: number; isApplication: boolean }>();
  for (const { source, bytes, isApplication } of packages) {
    const known = sources.get(source) ?? { bytes: 0, isApplication: false };
    sources.set(source, { bytes: known.bytes + bytes, isApplication: known.isApplication || isApplication });
  }
  const all = [...sources];
  if (draw === "uniform") return [random.pick(all)[0]];
  if (draw === "by size") return [random.pickBy(all, ([, { bytes }]) => bytes)[0]];
  if (draw === "one by rate")
    return [random.pickBy(all, ([, { isApplication }]) => (isApplication ? DAYS : 1))[0]];
  return all
    .filter(([, { isApplication }]) => isApplication || random.next() < 1 / DAYS)
    .map(([source]) => source);
}

interface ChangeOptions {
  readonly live: Map<string, Live>;
  readonly random: Random;
  readonly name: string;
}

function changeDependencies(one: Live, { live, random, name }: ChangeOptions): void {
  if (random.next() < 0.5 && one.references.length > 0) {
    one.references = one.references.filter(
      (_, at) => at !== Math.floor(random.next() * one.references.length),
    );
    return;
  }
  const like = random.pick([...live.values()].filter(({ isApplication }) => !isApplication));
  if (live.has(name) || like === undefined) return;
  // It needs what another needs, so that it closes no circle: that one doesn't need this.
  const references = needs(like, live).has(one.name) ? [] : [...like.references];
  live.set(name, {
    name,
    source: name,
    version: "1.0",
    bytes: like.bytes,
    references,
    isApplication: false,
    revision: 0,
  });
  one.references.push(name);
}

function needs(one: Live, live: ReadonlyMap<string, Live>): Set<string> {
  const found = new Set<string>();
  const waiting = [one.name];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    waiting.push(...live.get(name)!.references);
  }
  return found;
}

function removeUnneeded(live: Map<string, Live>): void {
  const needed = new Set(
    [...live.values()].filter((one) => one.isApplication).flatMap((one) => [...needs(one, live)]),
  );
  for (const name of live.keys()) if (!needed.has(name)) live.delete(name);
}

function versionOf({ kind }: World, live: ReadonlyMap<string, Live>): Version {
  const hashes = new Map<string, string>();
  const building = new Set<string>();
  /** A store path's hash follows from the package and from the hashes of all that it needs. */
  const hashOf = (name: string): string => {
    const known = hashes.get(name);
    if (known !== undefined) return known;
    if (building.has(name)) return "";
    building.add(name);
    const { references, revision } = live.get(name)!;
    const inputs = kind === "nix" ? references.map(hashOf) : [];
    const hash = createHash("sha256")
      .update(JSON.stringify([name, revision, inputs]))
      .digest("hex");
    hashes.set(name, hash);
    return hash;
  };
  const idOf = new Map<string, string>();
  for (const [name, one] of live) {
    const version = `${one.version}${one.revision === 0 ? "" : `.${one.revision}`}`;
    const hash = storeName(hashOf(name), "").slice(0, 32);
    idOf.set(
      name,
      kind === "npm" ? name : `/nix/store/${hash}-${name}-${version}`.replace(/[^/0-9A-Za-z+\-._?=]/g, "-"),
    );
  }
  const components = [...live].map(([name, one]): Component => {
    const id = idOf.get(name)!;
    const references = one.references.filter((other) => live.has(other)).map((other) => idOf.get(other)!);
    const version = `${one.version}-${one.revision}`;
    return { id, path: id, references, ...(kind === "npm" ? { name: one.source, version } : {}) };
  });
  const byId = <T>(value: (one: Live) => T) =>
    new Map([...live.values()].map((one) => [idOf.get(one.name)!, value(one)]));
  return {
    graph: makeGraph(components, { kind, origin: "the replay" }),
    sizes: byId(({ bytes }) => bytes),
    units: byId(({ source }) => source),
    contents: byId(({ name }) => hashOf(name)),
    applications: new Set([...live.values()].filter((one) => one.isApplication).map(({ source }) => source)),
  };
}
