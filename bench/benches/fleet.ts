/** A fleet of images that are built on several machines with one registry between them: what docs/scale.md carries on. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build, type Machine, thisMachine } from "#app";
import type { Bench } from "../bench.ts";
import { type CountingProxy, countingProxy } from "../counting.ts";
import { type FleetImage, fleet } from "../fixtures/fleet.ts";
import { npmTree } from "../fixtures/npm.ts";
import { startRegistry } from "../registry.ts";
import type { Row } from "../report.ts";
import { spread } from "../run.ts";

const IMAGES = Number(process.env["VARVE_BENCH_FLEET"] ?? 200);
const MACHINES = 4;

/** What a machine did for one image, on an average. */
interface Share {
  readonly requests: number;
  readonly sent: number;
  readonly received: number;
  readonly cpu: number;
}

export const fleetBench: Bench = {
  name: "fleet",
  what: `${IMAGES} images built on ${MACHINES} machines that share a cache, again on a new one, and after changes`,
  async run({ work, say }) {
    const fixture = npmTree(work, say);
    const folder = mkdtempSync(join(work, "fleet-"));
    try {
      // Another registry than the one that the benchmarks have, such as one of another make.
      const host = process.env["VARVE_BENCH_REGISTRY"];
      await using registry = host === undefined ? await startRegistry(work) : undefined;
      await using proxy = await countingProxy(host ?? registry!.host);
      const images = fleet(folder, fixture, { images: IMAGES, version: 1 });
      const machineOf = (name: string) => thisMachine({ cache: join(folder, "caches", name) });
      const measured = async (what: string, all: readonly FleetImage[], machines: readonly Machine[]) => {
        say(`fleet: ${what}`);
        const share = await shareOf(all.length, proxy, () => buildAll(all, { machines, proxy }));
        say(`fleet: ${what}: ${JSON.stringify(share)}`);
        return share;
      };
      const rows: Row[] = [];
      const tell = (what: string, share: Share) => rows.push(...rowsOf(what, share));
      const machines = Array.from({ length: MACHINES }, (_, number) => machineOf(String(number)));
      tell("first", await measured("the first time", images, machines));
      const size = await sizeOf(proxy.host, images);
      tell("new machine", await measured("on a new machine", images, [machineOf("new")]));
      tell("unchanged", await measured("nothing changed", images, machines));
      const changed = fleet(folder, fixture, { images: IMAGES, version: 2 });
      tell("own code", await measured("the code of each changed", changed, machines));
      const { tags, bytes } = await cacheOf(proxy.host);
      const row = (what: string, amount: number, unit: Row["unit"]): Row => ({
        ...{ what, unit, ours: spread([amount]), met: true },
      });
      rows.push(
        row("an image, compressed", size / 1e6, "MB"),
        row(
          "packages in an image",
          images.reduce((sum, one) => sum + one.packages, 0) / images.length,
          "requests",
        ),
        row("the shared cache", bytes / 1e3, "kB"),
        row("tags of the shared cache", tags, "requests"),
      );
      return rows;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** Builds images side by side, one at a time on each machine. */
async function buildAll(
  images: readonly FleetImage[],
  { machines, proxy }: { machines: readonly Machine[]; proxy: CountingProxy },
): Promise<void> {
  const cache = `${proxy.host}/fleet/cache:main`;
  let next = 0;
  const work = async (machine: Machine) => {
    while (next < images.length) {
      const { spec, name } = images[next++]!;
      await build(spec, {
        to: [`docker://${proxy.host}/fleet/${name}:1`],
        ...{
          machine,
          cacheFrom: [cache],
          cacheTo: [cache],
          check: false,
          compression: { algorithm: "zstd" },
        },
      });
    }
  };
  await Promise.all(machines.map(work));
}

async function shareOf(count: number, proxy: CountingProxy, act: () => Promise<void>): Promise<Share> {
  const before = { requests: proxy.requests(), sent: proxy.sent(), received: proxy.received() };
  const cpu = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(cpu);
  return {
    requests: (proxy.requests() - before.requests) / count,
    sent: (proxy.sent() - before.sent) / count,
    received: (proxy.received() - before.received) / count,
    // The proxy's part is among it.
    cpu: (user + system) / 1e6 / count,
  };
}

function rowsOf(what: string, { requests, sent, received, cpu }: Share): Row[] {
  const row = (name: string, amount: number, unit: Row["unit"]): Row => ({
    ...{ what: `${what}: ${name} an image`, unit, ours: spread([Math.round(amount * 100) / 100]), met: true },
  });
  return [
    row("requests", requests, "requests"),
    row("sent", sent / 1e3, "kB"),
    row("received", received / 1e3, "kB"),
    row("processor time", cpu, "s"),
  ];
}

/** The bytes of an image's layers, on an average. */
async function sizeOf(host: string, images: readonly FleetImage[]): Promise<number> {
  let sum = 0;
  for (const { name } of images) {
    const { layers } = (await manifestAt(host, `fleet/${name}`, "1")) as { layers: { size: number }[] };
    sum += layers.reduce((all, { size }) => all + size, 0);
  }
  return sum / images.length;
}

async function cacheOf(host: string): Promise<{ tags: number; bytes: number }> {
  const answer = await fetch(`http://${host}/v2/fleet/cache/tags/list`);
  const { tags } = (await answer.json()) as { tags: string[] };
  const sizes = tags.flatMap((tag) => {
    const [, size] = /\.c2-[0-9a-f]+-([0-9a-z]+)$/.exec(tag) ?? [];
    return size === undefined ? [] : Number.parseInt(size, 36);
  });
  return { tags: tags.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

async function manifestAt(host: string, repository: string, tag: string): Promise<unknown> {
  const accept = "application/vnd.oci.image.manifest.v1+json";
  return await (
    await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers: { accept } })
  ).json();
}
