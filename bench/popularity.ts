import { type Component, makeGraph, type ReferencesGraph } from "#graph";
import { popularityContest } from "#layering";

/** What the popularity benchmark measured. Times are the best of three runs. */
export interface PopularityResult {
  readonly components: number;
  readonly references: number;
  /** For a random graph of so many components and references. */
  readonly seconds: number;
  /** For a chain of 1,000 diamonds, whose counts have more than 1,000 bits. */
  readonly diamondSeconds: number;
}

const COMPONENTS = 10_000;
const REFERENCES = 50_000;
const LEVELS = 1_000;

/** Times the popularity contest, from the graph to the ranked list. */
export async function popularityBench(): Promise<PopularityResult> {
  return {
    components: COMPONENTS,
    references: REFERENCES,
    seconds: bestTime(randomGraph(COMPONENTS, REFERENCES)),
    diamondSeconds: bestTime(chainOfDiamonds(LEVELS)),
  };
}

function bestTime(graph: ReferencesGraph): number {
  const times = Array.from({ length: 3 }, () => {
    const start = performance.now();
    popularityContest(graph);
    return (performance.now() - start) / 1000;
  });
  return Math.min(...times);
}

/** The same graph each time: each reference leads from a component to one of a higher number. */
function randomGraph(components: number, references: number): ReferencesGraph {
  const random = mulberry32(20_260_101);
  const below = Array.from({ length: components }, () => new Set<number>());
  for (let made = 0; made < references; ) {
    const from = Math.floor(random() * (components - 1));
    const to = from + 1 + Math.floor(random() * (components - from - 1));
    if (below[from]!.has(to)) continue;
    below[from]!.add(to);
    made++;
  }
  return graphOf(below.map((set) => [...set]));
}

/** Each level is a component that refers to two others, which both refer to the next level's. */
function chainOfDiamonds(levels: number): ReferencesGraph {
  const below: number[][] = [];
  for (let level = 0; level < levels; level++) {
    const top = level * 3;
    below.push([top + 1, top + 2], [top + 3], [top + 3]);
  }
  below.push([]);
  return graphOf(below);
}

function graphOf(below: readonly (readonly number[])[]): ReferencesGraph {
  const random = mulberry32(7);
  const ids = below.map((_, number) => {
    const hash = Array.from({ length: 4 }, () =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0"),
    );
    return `/nix/store/${hash.join("")}-component-${number}`;
  });
  const components = below.map(
    (numbers, at): Component => ({
      id: ids[at]!,
      path: ids[at]!,
      references: numbers.map((number) => ids[number]!),
    }),
  );
  return makeGraph(components, { kind: "nix", origin: "the benchmark's graph" });
}

/** A small generator of pseudo-random numbers from 0 to 1, for graphs that are the same on each machine. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
