/** Memory doesn't grow with the image: the peaks at some 1 GB and at some 5 GB. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Context } from "../bench.ts";
import { streamConf } from "../fixtures/conf.ts";
import { copiedStore, removeStore } from "../fixtures/copies.ts";
import { debianStore, type StoreFixture } from "../fixtures/debian.ts";
import { storeImage } from "../fixtures/image.ts";
import { startRegistry } from "../registry.ts";
import { memoryRow, type Row } from "../report.ts";
import { type Command, measure, type RunOptions, type Sample } from "../run.ts";

const COPIES = 4;

/** Each is run once: a peak isn't a time. */
export const memory: Bench = {
  name: "memory",
  what: `peak memory of streams and pushes of the store, and of a store ${COPIES} times as large`,
  async run(context) {
    const { work, say } = context;
    const small = await debianStore(work, say);
    const home = join(work, "copies");
    try {
      say(`store: making ${COPIES} copies`);
      const large = copiedStore(home, small, COPIES);
      say(`store: ${large.files} files, ${(large.bytes / 1e9).toFixed(1)} GB; measuring`);
      const [atSmall, atLarge] = [await peaks(small, context), await peaks(large, context)];
      return atLarge.map(({ name, limit, sample }, index): Row => {
        const pair = { ours: [sample], theirs: [atSmall[index]!.sample] };
        return memoryRow(
          `${name} at ${(large.bytes / 1e9).toFixed(1)} GB / at ${(small.bytes / 1e9).toFixed(1)} GB`,
          pair,
          limit,
        );
      });
    } finally {
      removeStore(home);
    }
  },
};

interface Peak {
  name: string;
  /** In MiB. */
  limit: number;
  sample: Sample;
}

/** A cold and a warm stream, a cold push, and one to a registry that has all. */
async function peaks(fixture: StoreFixture, { work, varve }: Context): Promise<Peak[]> {
  const folder = mkdtempSync(join(work, "memory-"));
  try {
    const conf = streamConf(join(folder, "conf"), { ...fixture, paths: [] }, varve);
    const image = storeImage(join(folder, "image"), fixture, varve);
    await using registry = await startRegistry(work);
    const stream: Command = [...varve, "stream", "--cache-dir", join(folder, "cache"), conf];
    const push = (compression: string, name: string): Command => [
      ...varve,
      ...["build", image.spec, "--cache-dir", join(folder, "cache-push")],
      ...["--compression", compression, "--push", `${registry.host}/${name}:1`],
    ];
    const pipe: RunOptions = { sink: "pipe" };
    const none: RunOptions = { sink: "none", servants: [registry.pid] };
    return [
      { name: "stream, memory", limit: 160, sample: measure(stream, pipe) },
      { name: "stream again, memory", limit: 160, sample: measure(stream, pipe) },
      { name: "push, zstd:2, memory", limit: 256, sample: measure(push("zstd:2", "zstd"), none) },
      { name: "push again, zstd:2, memory", limit: 256, sample: measure(push("zstd:2", "zstd"), none) },
      { name: "push, gzip:1, memory", limit: 256, sample: measure(push("gzip:1", "gzip"), none) },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
