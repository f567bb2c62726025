/**
 * How coreos/chunkah (v0.6.0) shares out a root file system, to compare with: written anew from what its `src/packing.rs` says it does.
 *
 * What is built from one source package is one component. It has a stability: the probability that it stays the same for a week, if it
 * changes as often as its changelog says, at random. Components that are large beside the others (by the median and the median absolute deviation of all
 * sizes) have a layer each, in up to four fifths of the layers. All others are divided into three tiers by stability (within a standard deviation of
 * the mean, above, and below), each of which has layers as it has components; in a tier the hash of a component's name says which layer it is
 * in. A layer that stays empty gets the largest component that isn't alone. So nothing that comes or goes moves others as long as medians, means and shares stay, and
 * it needs to know nothing of earlier builds. It knows nothing of changes that spread.
 *
 * There are no changelogs here: a weight says how often a unit changes in a year. What npm's versions say isn't a changelog
 * either, so each repository has a weight of 1.
 */
import { keysOf, type PlanInput, type Strategy } from "#layering";
import { compareNames } from "#util";

const WEEK = 7;
const YEAR = 365;

/** How far from the median a size has to be, in median absolute deviations. */
const LARGE = 1.5;

/** The share of the layers that what is large may have for itself. */
const MOST_LARGE = 0.8;

interface Item {
  readonly name: string;
  readonly ids: readonly string[];
  readonly bytes: number;
  /** The probability that it doesn't change within a week. */
  readonly stability: number;
}

export const chunkah: Strategy = {
  name: "chunkah",
  plan(input) {
    return layersOf(items(input), input.available)
      .map((layer) => ({ layer, stability: layer.reduce((all, { stability }) => all * stability, 1) }))
      .sort((a, b) => b.stability - a.stability)
      .map(({ layer }) => layer.flatMap(({ ids }) => ids));
  },
};

function items({ graph, units, weights, sizes, keys = keysOf(graph) }: PlanInput): Item[] {
  const sources = Map.groupBy(graph.components.keys(), (id) => [units?.get(id) ?? keys.get(id)!].flat()[0]!);
  return [...sources]
    .map(([unit, ids]) => {
      const changes = graph.kind === "npm" ? 1 : (weights?.get(unit) ?? 1);
      return {
        name: `rpm/${unit}`,
        ids,
        bytes: ids.reduce((sum, id) => sum + (sizes?.get(id) ?? graph.components.get(id)!.narSize ?? 0), 0),
        stability: Math.exp((-changes * WEEK) / YEAR),
      };
    })
    .sort((a, b) => compareNames(a.name, b.name));
}

function layersOf(all: readonly Item[], available: number): Item[][] {
  if (all.length <= available) return all.map((item) => [item]);
  const sizes = all.map(({ bytes }) => bytes);
  const usual = median(sizes);
  const deviation = median(sizes.map((size) => Math.abs(size - usual)));
  const limit = usual + LARGE * (deviation < usual * 0.01 ? usual : deviation);
  const large = all.filter(({ bytes }) => bytes >= limit);
  const small = all.filter(({ bytes }) => bytes < limit);
  const room = Math.floor((available - Math.min(1, small.length)) * MOST_LARGE);
  const alone = large.length <= room ? large : [...large].sort((a, b) => b.bytes - a.bytes).slice(0, room);
  const rest = [...small, ...large.filter((item) => !alone.includes(item))];
  return [...alone.map((item) => [item]), ...tiers(rest, available - alone.length)];
}

function tiers(rest: readonly Item[], available: number): Item[][] {
  if (rest.length <= available) return rest.map((item) => [item]);
  const mean = rest.reduce((sum, { stability }) => sum + stability, 0) / rest.length;
  const variance = rest.reduce((sum, { stability }) => sum + (stability - mean) ** 2, 0) / rest.length;
  const spread = Math.sqrt(variance);
  const {
    high = [],
    middle = [],
    low = [],
  } = Object.groupBy(rest, ({ stability }) => {
    if (stability >= mean + spread) return "high";
    return stability <= mean - spread ? "low" : "middle";
  });
  const filled = [high, middle, low].filter((tier) => tier.length > 0);
  if (available < filled.length) return hashed(rest, available);
  let left = available;
  return filled.flatMap((tier, at) => {
    const others = filled.length - 1 - at;
    const share = Math.max(1, Math.round((tier.length / rest.length) * available));
    const layers = others === 0 ? left : Math.min(share, left - others);
    left -= layers;
    return hashed(tier, layers);
  });
}

function hashed(tier: readonly Item[], count: number): Item[][] {
  const bins: Item[][] = Array.from({ length: count }, () => []);
  for (const item of tier) bins[Number(fnv(item.name) % BigInt(count))]!.push(item);
  for (const empty of bins.filter((bin) => bin.length === 0).reverse()) {
    const crowded = bins.filter((bin) => bin.length > 1);
    if (crowded.length === 0) break;
    // Of equally large ones the last.
    const largest = crowded.flat().reduce((most, item) => (item.bytes >= most.bytes ? item : most));
    const bin = crowded.find((each) => each.includes(largest))!;
    bin.splice(bin.indexOf(largest), 1);
    empty.push(largest);
  }
  return bins.filter((bin) => bin.length > 0);
}

/** FNV-1a in 64 bits, of a text as Rust hashes it: with a byte after it that no text has. */
function fnv(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of [...Buffer.from(text), 0xff]) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
