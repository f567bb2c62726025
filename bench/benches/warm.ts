/** What varve does again costs what changed: streams and pushes with a digest cache that is filled. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Context } from "../bench.ts";
import { type Counts, count } from "../counting.ts";
import { debianStore, type StoreFixture } from "../fixtures/debian.ts";
import { Changes, type Place, type StoreImage, storeImage } from "../fixtures/image.ts";
import { type LocalRegistry, startRegistry } from "../registry.ts";
import { memoryRow, type Row, requestsRow, secondsRow, sizeRow, timeRow } from "../report.ts";
import { cpythonStream, cpythonThenSkopeo, tarIntoOpenssl } from "../rivals.ts";
import { type Command, measure, measureTurns, outputDigest, type Pair, type Sample } from "../run.ts";

/** With everything known that was measured before. */
export const warm: Bench = {
  name: "warm",
  what: "the store again with a digest cache: a stream, a push with one path changed, a push with none changed",
  async run(context) {
    const fixture = await debianStore(context.work, context.say);
    const folder = mkdtempSync(join(context.work, "warm-"));
    try {
      const image = storeImage(join(context.work, "image-store"), fixture, context.varve);
      const scene = { ...context, folder, image };
      const stream = await streamRows(scene, fixture);
      using changes = new Changes(image);
      const one = await pushRows({ ...scene, changes }, "own layer");
      return [...stream, ...one, ...(await pushRows({ ...scene, changes }, "layer of all others"))];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

interface Scene extends Context {
  /** For what is kept from run to run. */
  folder: string;
  image: StoreImage;
}

async function streamRows(
  { folder, image, varve, say, ...options }: Scene,
  fixture: StoreFixture,
): Promise<Row[]> {
  const ours: Command = [...varve, "stream", "--cache-dir", join(folder, "cache-stream"), image.conf];
  const cpython = cpythonStream(image.conf);
  // The first fills the cache, and the second has it; all three are the same image.
  const digests = [outputDigest(ours), outputDigest(ours), outputDigest(cpython)];
  if (new Set(digests).size > 1) {
    throw new Error(
      `varve stream and CPython write different bytes for ${image.conf}: ${digests.join(", ")}`,
    );
  }
  say("store: streaming with a filled cache");
  const sides = [ours, cpython, tarIntoOpenssl(fixture)];
  const [warm, python, tar] = await measureTurns(
    sides.map((command) => async () => ({ command, sink: "pipe" as const })),
    options,
  );
  const name = "store again";
  return [
    timeRow(`${name}: varve stream / CPython`, { ours: warm!, theirs: python! }, { faster: 6 }),
    timeRow(`${name}: varve stream / tar | openssl sha256`, { ours: warm!, theirs: tar! }, { slower: 1.2 }),
    memoryRow(`${name}: peak memory of streams / CPython`, { ours: warm!, theirs: python! }, 160),
  ];
}

/** Pushes to registries that have the image as it was, one for each side. */
async function pushRows(scene: Scene & { changes: Changes }, place: Place): Promise<Row[]> {
  const { work, folder, image, say, changes } = scene;
  await using registry = await startRegistry(work);
  const ours = ourPush(scene, join(folder, `cache-${place.replaceAll(" ", "-")}`));
  const reference = `${registry.host}/bench:1`;
  say(`store: pushing again, with a path changed in its ${place}`);
  measure(ours(image, reference), { sink: "none" });
  const main = place === "own layer";
  const unchanged = main ? await unchangedRows(scene, { registry, push: ours }) : [];
  const counts = await countChange(scene, { registry, push: ours, place });

  await using theirRegistry = await startRegistry(work);
  const theirs = (one: StoreImage): Command =>
    cpythonThenSkopeo({
      conf: one.conf,
      archive: join(folder, "image.tar"),
      reference: `${theirRegistry.host}/bench:1`,
      home: join(folder, `skopeo-${place.replaceAll(" ", "-")}`),
    });
  measure(theirs(image), { sink: "none" });

  // Each run has a change that the registry hasn't seen; the first was for the counting.
  const next = { ours: 1, theirs: 1 };
  const [our, their] = await measureTurns(
    [
      async () => ({
        command: ours(changes.get(place, next.ours++), reference),
        sink: "none",
        servants: [registry.pid],
      }),
      async () => ({
        command: theirs(changes.get(place, next.theirs++)),
        sink: "none",
        servants: [theirRegistry.pid],
      }),
    ],
    scene,
  );
  const pair: Pair = { ours: our!, theirs: their! };
  const name = `one path changed, in ${main ? "a layer of its own" : "the layer of all others"}`;
  const target = main ? { within: 0.02 } : undefined;
  const size = { read: counts.files, sent: counts.blobs };
  return [
    timeRow(`${name}: varve build / CPython, skopeo`, pair, { faster: main ? 20 : undefined }),
    sizeRow(
      `${name}: read from the store / its layer's files`,
      { ours: counts.read, theirs: size.read },
      target,
    ),
    sizeRow(`${name}: sent / its layer's blob`, { ours: counts.sent, theirs: size.sent }, target),
    memoryRow(`${name}: peak memory / CPython, skopeo`, pair, 256),
    ...unchanged,
  ];
}

type Push = (image: StoreImage, reference: string) => Command;

const ourPush =
  ({ varve }: Context, cache: string): Push =>
  ({ spec }, reference) => [
    ...varve,
    ...["build", spec, "--cache-dir", cache, "--compression", "zstd:2", "--push", reference],
  ];

interface Again {
  registry: LocalRegistry;
  push: Push;
}

/** A push of what the registry has under that very tag. */
async function unchangedRows(
  { image, folder, ...options }: Scene,
  { registry, push }: Again,
): Promise<Row[]> {
  const { host, pid } = registry;
  const command = push(image, `${host}/bench:1`);
  const [samples] = await measureTurns([async () => ({ command, sink: "none", servants: [pid] })], options);
  const counts = await count({ host, folder, command: (proxy) => push(image, `${proxy}/bench:1`) });
  return [
    secondsRow(
      "nothing changed: varve build",
      samples!.map(({ wall }: Sample) => wall),
      0.5,
    ),
    requestsRow("nothing changed: requests to the registry", counts.requests, 9),
  ];
}

interface ChangeCounts extends Counts {
  /** The bytes of the files in the changed layer, and of its blob. */
  files: number;
  blobs: number;
}

async function countChange(
  { changes, image }: Scene & { changes: Changes },
  { registry, push, place }: Again & { place: Place },
): Promise<ChangeCounts> {
  const change = changes.get(place, 0);
  const before = await registry.manifest("bench", "1");
  const counts = await count({
    host: registry.host,
    folder: change.storeDir,
    command: (proxy) => push(change, `${proxy}/bench:1`),
  });
  const after = await registry.manifest("bench", "1");
  const had = new Set(before.layers.map(({ digest }) => digest));
  const fresh = after.layers.filter(({ digest }) => !had.has(digest));
  if (fresh.length !== 1)
    throw new Error(`a change of one path in ${image.spec} makes ${fresh.length} layers new, not 1`);
  return { ...counts, files: change.layerFiles, blobs: fresh[0]!.size };
}
