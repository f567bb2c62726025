/** Closures of Debian packages, as graphs of store paths, and what nixpkgs' own planner made of them. */
import { createHash } from "node:crypto";
import { type Component, makeGraph, type ReferencesGraph, withoutComponents } from "#graph";
import golden from "./golden.json" with { type: "json" };

/** A closure, and a digest of the layers that nixpkgs made of it, by how many there may be. */
export interface Case {
  /** Names of packages. */
  readonly roots: readonly string[];
  /** Whether there are files about the image, too, which aren't in it. */
  readonly isImage: boolean;
  readonly layers: Readonly<Record<string, string>>;
}

export const CASES: readonly Case[] = golden.cases;

type Package = readonly [name: string, version: string, kibibytes: number, needs: readonly number[]];
const PACKAGES = golden.packages as unknown as readonly Package[];

/** What is made for the image's sake and left out of it: what it is made of, and the layer with all that is no store path. */
const FILES = ["image-base.json", "image-customisation-layer"] as const;
const FILE_SIZES = [432, 20_888] as const;

const pathOf = (name: string): string =>
  `/nix/store/${createHash("sha256").update(name).digest("hex").slice(0, 32)}-${name}`;

/** The closure's graph, with all components and without those that are left out. In the order of ids. */
export function graphsOf({ roots, isImage }: Pick<Case, "roots" | "isImage">): {
  whole: ReferencesGraph;
  graph: ReferencesGraph;
} {
  const byName = new Map(PACKAGES.map((one) => [one[0], one]));
  const found = new Set(roots.map((name) => byName.get(name)!));
  for (const [, , , needs] of found) for (const at of needs) found.add(PACKAGES[at]!);
  const idOf = ([name, version]: Package): string => pathOf(`${name}-${version}`);
  const component = (id: string, narSize: number, needed: readonly Package[]): Component => {
    return { id, path: id, narSize, references: needed.map(idOf) };
  };
  const components = [...found].map((one) =>
    component(
      idOf(one),
      one[2] * 1024,
      one[3].map((at) => PACKAGES[at]!),
    ),
  );
  const files = FILES.map(pathOf);
  if (isImage) {
    const needed = roots.map((name) => byName.get(name)!);
    for (const [at, id] of files.entries()) {
      components.push(component(id, FILE_SIZES[at]!, at === 0 ? needed.slice(0, 1) : needed));
    }
  }
  components.sort((a, b) => (a.id < b.id ? -1 : 1));
  const whole = makeGraph(components, { kind: "nix", origin: "a golden closure" });
  return { whole, graph: withoutComponents(whole, files) };
}

/** Of layers: equal if they have the same components in the same order. */
export function digestOf(layers: readonly (readonly string[])[]): string {
  return createHash("sha256").update(JSON.stringify(layers)).digest("hex").slice(0, 16);
}
