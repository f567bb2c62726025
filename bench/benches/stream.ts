/** `varve stream` against a program in CPython that writes the same bytes, and against what the machine can do. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Bench, Context } from "../bench.ts";
import { streamConf } from "../fixtures/conf.ts";
import { debianStore, type StoreFixture } from "../fixtures/debian.ts";
import { npmTree } from "../fixtures/npm.ts";
import { memoryRow, timeRow } from "../report.ts";
import { cpythonStream, tarIntoOpenssl } from "../rivals.ts";
import { type Command, measurePair, outputDigest } from "../run.ts";

/** More than 1 GB in some 300 store paths: large files, where hashing is most of the work. */
export const streamStore: Bench = {
  name: "stream-store",
  what: "varve stream of some 300 store paths, 1.2 GB, against CPython and against tar | openssl sha256",
  async run(context) {
    const fixture = await debianStore(context.work, context.say);
    const { name, ours, theirs } = prepare("store", fixture, context);
    const cpython = await measurePair({
      ours,
      theirs,
      runs: context.runs,
      quiet: context.quiet,
      sink: "pipe",
    });
    const limit = await measurePair({
      ours,
      theirs: tarIntoOpenssl(fixture),
      runs: context.runs,
      quiet: context.quiet,
      sink: "pipe",
    });
    return [
      timeRow(`${name}: varve stream / CPython`, cpython, { faster: 4.5 }),
      timeRow(`${name}: varve stream / tar | openssl sha256`, limit, { slower: 1.6 }),
      memoryRow(
        `${name}: peak memory / CPython`,
        { ...cpython, ours: [...cpython.ours, ...limit.ours] },
        160,
      ),
    ];
  },
};

/** More than 50,000 small files: there, each file's own cost is most of the work. */
export const streamSmall: Bench = {
  name: "stream-small",
  what: "varve stream of 61,573 files in 279 npm packages, against CPython",
  async run(context) {
    const fixture = npmTree(context.work, context.say);
    const { name, ours, theirs } = prepare("small files", fixture, context);
    const cpython = await measurePair({
      ours,
      theirs,
      runs: context.runs,
      quiet: context.quiet,
      sink: "pipe",
    });
    return [
      timeRow(`${name}: varve stream / CPython`, cpython, { faster: 4 }),
      memoryRow(`${name}: peak memory / CPython`, cpython, 160),
    ];
  },
};

/** The two commands, after a look at whether they write the same bytes. */
function prepare(
  name: string,
  fixture: StoreFixture,
  { varve, work, say }: Context,
): { name: string; ours: Command; theirs: Command } {
  const conf = streamConf(join(work, `conf-${name.replace(" ", "-")}`), fixture, varve);
  const ours: Command = [...varve, "stream", ...withoutCache(varve), conf];
  const theirs = cpythonStream(conf);
  say(`${name}: ${fixture.files} files, ${(fixture.bytes / 1e9).toFixed(2)} GB; comparing the bytes of both`);
  const digests = [outputDigest(ours), outputDigest(theirs)];
  if (digests[0] !== digests[1]) {
    throw new Error(`varve stream and CPython write different bytes for ${conf}: ${digests.join(" and ")}`);
  }
  say(`${name}: both write sha256:${digests[0]}; measuring`);
  return { name, ours, theirs };
}

/** Nothing known beforehand: that is what CPython's program starts from, too. Older builds have no cache to leave out. */
function withoutCache([file, ...args]: Command): string[] {
  const help = execFileSync(file, [...args, "stream", "--help"], { encoding: "utf8" });
  return help.includes("--no-cache") ? ["--no-cache"] : [];
}
