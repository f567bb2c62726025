/** `varve build --push` into an empty registry against the way without varve: CPython into a file, then skopeo. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Context } from "../bench.ts";
import { debianStore } from "../fixtures/debian.ts";
import { storeImage } from "../fixtures/image.ts";
import { layerBytes, type PushedManifest, startRegistry } from "../registry.ts";
import { memoryRow, sizeRow, timeRow } from "../report.ts";
import { cpythonThenSkopeo } from "../rivals.ts";
import { type Command, measureTurns, type Setting } from "../run.ts";

/** The fastest levels whose layers aren't larger than what skopeo makes of them; the defaults are slower and smaller. */
const ZSTD = "zstd:2";
const GZIP = "gzip:4";

/** Nothing is known beforehand, and the registry has nothing. */
export const push: Bench = {
  name: "push",
  what: "varve build --push of the store into an empty registry, against CPython into a file and skopeo",
  async run(context) {
    const { work, varve, say } = context;
    const fixture = await debianStore(work, say);
    const image = storeImage(join(work, "image-store"), fixture, varve);
    const ours = (compression: string) =>
      intoEmpty(context, (_, reference) => [
        ...varve,
        ...["build", image.spec, "--no-cache", "--compression", compression, "--push", reference],
      ]);
    const [zstd, gzip] = [ours(ZSTD), ours(GZIP)];
    const theirs = intoEmpty(context, (folder, reference) =>
      cpythonThenSkopeo({ conf: image.conf, archive: join(folder, "image.tar"), reference, home: folder }),
    );
    const sides = [zstd, gzip, theirs];
    say("store: pushing into an empty registry");
    const [zstdRuns, gzipRuns, theirRuns] = await measureTurns(
      sides.map(({ setting }) => setting),
      context,
    );
    const [zstdSize, gzipSize, theirSize] = sides.map(({ pushed }) => layerBytes(pushed()));
    const pairs = {
      zstd: { ours: zstdRuns!, theirs: theirRuns! },
      gzip: { ours: gzipRuns!, theirs: theirRuns! },
    };
    const name = "store into an empty registry";
    return [
      timeRow(`${name}: varve build, ${ZSTD} / CPython, skopeo`, pairs.zstd, { faster: 5 }),
      sizeRow(
        `${name}: layers, ${ZSTD} / gzip by skopeo`,
        { ours: zstdSize!, theirs: theirSize! },
        { atMost: 1 },
      ),
      timeRow(`${name}: varve build, ${GZIP} / CPython, skopeo`, pairs.gzip, { faster: 1.3 }),
      sizeRow(
        `${name}: layers, ${GZIP} / gzip by skopeo`,
        { ours: gzipSize!, theirs: theirSize! },
        { atMost: 1 },
      ),
      memoryRow(
        `${name}: peak memory / CPython, skopeo`,
        { ours: [...zstdRuns!, ...gzipRuns!], theirs: theirRuns! },
        256,
      ),
    ];
  },
};

const LAYERS = 100;

/** A side that pushes into a registry of its own in each run; `pushed` is what the last run brought there. */
function intoEmpty(
  { work, varve: [node, ...varve] }: Context,
  command: (folder: string, reference: string) => Command,
): { setting: Setting; pushed(): PushedManifest } {
  let pushed: PushedManifest | undefined;
  const setting: Setting = async () => {
    const folder = mkdtempSync(join(work, "push-"));
    const registry = await startRegistry(work);
    return {
      command: command(folder, `${registry.host}/bench:1`),
      sink: "none",
      servants: [registry.pid],
      async after() {
        // Every blob and digest is looked at once, after the run that isn't counted.
        const check = [...varve, "validate", `docker://${registry.host}/bench:1`];
        if (pushed === undefined) execFileSync(node, check, { stdio: ["ignore", "ignore", "pipe"] });
        pushed = await registry.manifest("bench", "1");
        if (pushed.layers.length !== LAYERS) {
          throw new Error(`the pushed image has ${pushed.layers.length} layers, not ${LAYERS}`);
        }
      },
      async [Symbol.asyncDispose]() {
        await registry[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      },
    };
  };
  return { setting, pushed: () => pushed! };
}
