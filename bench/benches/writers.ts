/** A shared cache that many write to at the same time, at the size that docs/scale.md says to aim at. */
import { join } from "node:path";
import {
  type DigestCache,
  type LayerKey,
  layerKey,
  NO_SUB,
  openDigestCache,
  type SharedRecord,
} from "#cache";
import { digestOf, parseReference } from "#oci";
import { pullSharedCache, pushSharedCache, Transports } from "#transports";
import type { Bench } from "../bench.ts";
import { countingProxy } from "../counting.ts";
import { startRegistry } from "../registry.ts";
import type { Row } from "../report.ts";
import { spread } from "../run.ts";

const WRITERS = 100;

/** Layers that the cache has before. Each has an entry, and its blob another. */
const BEFORE = 48_000;

/** New ones of each writer. */
const LAYERS_OF_ONE = 20;

const LAYERS = BEFORE + WRITERS * LAYERS_OF_ONE;

/** As many as an image may have, spread evenly, which takes the most requests. */
const ASKED = 100;

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.UTC(2026, 0, 1);

/** In bytes: what a reader of an image's layers may receive. */
const READERS_LIMIT = 200_000;

export const writers: Bench = {
  name: "writers",
  what: `${WRITERS} machines that add to a shared cache of ${2 * LAYERS} entries at the same time, and one that reads ${ASKED} layers`,
  async run({ work, say }) {
    // As in the bench of a fleet.
    const host = process.env["VARVE_BENCH_REGISTRY"];
    await using registry = host === undefined ? await startRegistry(work) : undefined;
    await using proxy = await countingProxy(host ?? registry!.host);
    await using transports = new Transports({ env: {}, home: work });
    const reference = parseReference(`${proxy.host}/bench/cache:main`);
    const client = await transports.client(reference.registry);
    const all = Array.from({ length: LAYERS }, (_, number) => recordsOf(number));
    const pushLayers = async (from: number, to: number) => {
      const cache = cacheWith(all.slice(from, to).flatMap(({ records }) => records));
      await pushSharedCache(client, { reference, cache });
    };
    await pushLayers(0, BEFORE);
    const before = { requests: proxy.requests(), sent: proxy.sent() };
    const start = performance.now();
    const cpu = process.cpuUsage();
    await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => {
        const from = BEFORE + writer * LAYERS_OF_ONE;
        return pushLayers(from, from + LAYERS_OF_ONE);
      }),
    );
    const wall = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const sent = proxy.sent() - before.sent;
    const requests = proxy.requests() - before.requests;
    say(`writers: ${wall.toFixed(1)} s, ${(sent / 1e6).toFixed(1)} MB sent, ${requests} requests`);

    const readBy = async (keys: readonly LayerKey[]) => {
      const before = { requests: proxy.requests(), received: proxy.received() };
      const cache = openDigestCache({ folder: join(work, "no-such-cache"), now: () => NOW });
      await pullSharedCache(client, { reference, cache });
      await cache.askFor(keys);
      return {
        cache,
        requests: proxy.requests() - before.requests,
        received: proxy.received() - before.received,
      };
    };
    const step = all.length / ASKED;
    const few = await readBy(all.filter((_, number) => number % step === 0).map(({ key }) => key));
    const { cache } = await readBy(all.map(({ key }) => key));
    const lost = all.filter(({ key, diffId }) => cache.layer(key)?.diffId !== diffId).length;
    if (lost > 0) throw new Error(`${lost} entries were lost`);
    const row = (what: string, amount: number, unit: Row["unit"], atMost?: number): Row => ({
      ...{ what, unit, ours: spread([amount]), met: atMost === undefined || amount <= atMost },
      ...(atMost !== undefined && { target: { atMost } }),
    });
    return [
      row("all have written", wall, "s"),
      row("processor time of one of them", (user + system) / 1e6 / WRITERS, "s"),
      row("sent by one of them", sent / 1e3 / WRITERS, "kB"),
      row("requests of one of them", requests / WRITERS, "requests"),
      row(`received by a reader of ${ASKED} layers`, few.received / 1e3, "kB", READERS_LIMIT / 1e3),
      row("its requests", few.requests, "requests"),
    ];
  },
};

function recordsOf(number: number) {
  const key = layerKey({ paths: [`/nix/store/${number}`], mtime: 1 });
  const of = { key: key.slice(0, 16), day: Math.floor(NOW / DAY) };
  const diffId = digestOf(Buffer.from(`layer ${number}`));
  const digest = digestOf(Buffer.from(`blob ${number}`));
  const records: SharedRecord[] = [
    { ...of, kind: "layer", sub: NO_SUB, digest: diffId, size: number * 512 },
    { ...of, kind: "blob", sub: digest.slice(-16), digest, size: number * 100 },
  ];
  return { key, diffId, records };
}

/** What of a cache is asked by who tells others of it: folders with a hundred thousand entries take longer to make than that. */
function cacheWith(records: readonly SharedRecord[]): DigestCache {
  const known: Pick<DigestCache, "now" | "sharable"> = {
    now: () => NOW,
    sharable: () => ({ records, bases: new Map() }),
  };
  return known as DigestCache;
}
