/** The leader strategy as it is specified, in sets and big integers, with no thought of time. */
import type { ReferencesGraph } from "#graph";
import { compareNames } from "#util";

interface Naive {
  readonly graph: ReferencesGraph;
  readonly available: number;
  readonly keys: ReadonlyMap<string, string>;
  readonly sizes: ReadonlyMap<string, number>;
  readonly weights: ReadonlyMap<string, number>;
  readonly units: ReadonlyMap<string, string>;
}

interface Part {
  readonly ids: string[];
  readonly key: string;
  readonly bytes: bigint;
  readonly units: Set<string>;
}

/** The layers, and the ids of the components that have led, one of each cycle. */
export function naiveLeader({ graph, available, keys, sizes, weights, units }: Naive): {
  layers: string[][];
  leaders: string[];
} {
  const byKey = (a: string, b: string) => compareNames(keys.get(a)!, keys.get(b)!);
  const closure = (from: string): Set<string> => {
    const found = new Set<string>();
    const visit = (id: string) => {
      if (found.has(id)) return;
      found.add(id);
      for (const reference of graph.components.get(id)!.references) visit(reference);
    };
    visit(from);
    return found;
  };
  const closures = new Map([...graph.components.keys()].map((id) => [id, closure(id)]));
  const cycleOf = (id: string) =>
    [...closures.get(id)!].filter((other) => closures.get(other)!.has(id)).sort(byKey);
  const unitOf = (id: string) => units.get(id) ?? keys.get(cycleOf(id)[0]!)!;
  const parts: Part[] = [];
  for (const id of [...graph.components.keys()].sort(byKey)) {
    const ids = cycleOf(id);
    if (ids[0] !== id) continue;
    const below = graph.kind === "npm" ? ids : [...closures.get(id)!];
    parts.push({
      ids,
      key: keys.get(id)!,
      bytes: ids.reduce((sum, member) => sum + BigInt(sizes.get(member)!), 0n),
      units: new Set(below.map(unitOf)),
    });
  }

  const w = (set: Iterable<string>) =>
    [...set].reduce((sum, unit) => sum + BigInt(weights.get(unit) ?? 1), 0n);
  const S = (bytes: bigint): bigint => {
    if (bytes <= 4096n) return 1n;
    const u = (bytes + 4095n) / 4096n;
    const k = BigInt(u.toString(2).length - 1);
    return 128n * u >= 181n * 2n ** k ? 2n ** (k + 1n) : 2n ** k;
  };
  const d = (x: Part, a: Part): bigint => {
    const common = w([...x.units].filter((unit) => a.units.has(unit)));
    return S(x.bytes) * (w(a.units) - common) + S(a.bytes) * (w(x.units) - common);
  };
  const least = <T>(items: readonly T[], isBefore: (a: T, b: T) => boolean): T =>
    items.reduce((best, item) => (isBefore(item, best) ? item : best));

  const order = parts.toSorted((a, b) =>
    a.bytes === b.bytes ? compareNames(a.key, b.key) : a.bytes > b.bytes ? -1 : 1,
  );
  let groups = order.map((part) => [part]);
  let leaders = order;
  if (parts.length > available) {
    const K = Math.floor(((available - 1) * 2) / 5);
    const tail = order.slice(K);
    const seeds = [tail[0]!];
    const nearest = (x: Part) =>
      least(seeds, (a, b) => d(x, a) < d(x, b) || (d(x, a) === d(x, b) && compareNames(a.key, b.key) < 0));
    while (seeds.length < available - K) {
      const distance = (x: Part) => d(x, nearest(x));
      seeds.push(
        least(
          tail.filter((x) => !seeds.includes(x)),
          (a, b) =>
            distance(a) > distance(b) || (distance(a) === distance(b) && compareNames(a.key, b.key) < 0),
        ),
      );
    }
    leaders = seeds;
    const joined = seeds.map((seed) => [seed]);
    for (const x of tail) if (!seeds.includes(x)) joined[seeds.indexOf(nearest(x))]!.push(x);
    groups = [...order.slice(0, K).map((part) => [part]), ...joined];
  }

  const layers = groups.map((group) => ({
    ids: group.flatMap(({ ids }) => ids).sort(byKey),
    bytes: group.reduce((sum, { bytes }) => sum + bytes, 0n) || 1n,
    units: new Set(group.flatMap((part) => [...part.units])),
  }));
  const covered = new Set<string>();
  const ordered: string[][] = [];
  while (layers.length > 0) {
    const added = (layer: (typeof layers)[0]) => w([...layer.units].filter((unit) => !covered.has(unit)));
    const next = least(layers, (a, b) => {
      const [left, right] = [added(a) * b.bytes, added(b) * a.bytes];
      if (left !== right) return left < right;
      if (a.bytes !== b.bytes) return a.bytes > b.bytes;
      return byKey(a.ids[0]!, b.ids[0]!) < 0;
    });
    layers.splice(layers.indexOf(next), 1);
    ordered.push(next.ids);
    for (const unit of next.units) covered.add(unit);
  }
  return { layers: ordered, leaders: leaders.map(({ ids }) => ids[0]!) };
}
