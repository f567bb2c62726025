import { open, stat } from "node:fs/promises";
import { Command } from "commander";
import type { DigestCache } from "#cache";
import { compareImages } from "#compare";
import { draftImage } from "#draft";
import { VarveError } from "#errors";
import { type Image, type ImageDraft, type Layer, newManifest } from "#image";
import { explain } from "#report";
import { readSpec } from "#spec";
import type { SpoolLimit } from "#util";
import { type CacheOptions, cacheOptions, wantedCache } from "../cache-options.ts";
import { architecture } from "../host.ts";
import { print, printJson } from "../output.ts";
import { type PlaceContext, type PlaceOptions, placeOptions, withPlaces } from "../places.ts";
import { lastBuild } from "../strategy-options.ts";
import { workshop } from "../workshop.ts";

interface WhyOptions extends PlaceOptions, CacheOptions {
  readonly json?: true;
}

export function command(): Command {
  return cacheOptions(placeOptions(new Command("why")))
    .description(
      "Says what a change costs before it is paid: which layers of a new image differ from those of another, which components in them changed and how, and how many bytes would be sent and pulled.",
    )
    .argument("<source>", "the image that is there, or its spec")
    .argument(
      "<new>",
      "the image that is to be there, or its spec: a JSON file, which is measured and not written",
    )
    .option("--json", "print JSON, with all details, for programs")
    .action(async (from: string, to: string, options: WhyOptions) => {
      const cache = wantedCache(options);
      await withPlaces(options, async (places) => {
        const context: WhyContext = { ...places, cache, maxSpool: options.maxSpool };
        const compare = () =>
          withImage(from, context, (source) =>
            withImage(to, context, async (target) => {
              const comparison = await compareImages(source, target, { signal: context.signal });
              if (options.json) await printJson(comparison);
              else await print(explain(comparison, { source, target }));
            }),
          );
        await compare().catch(async (error) => {
          // Nothing has been printed yet. Where one digest is wrong, others may be.
          if (!(error instanceof VarveError && error.code === "STALE_CACHE")) throw error;
          cache?.distrustLayers();
          await compare();
        });
      });
    });
}

interface WhyContext extends PlaceContext, SpoolLimit {
  readonly cache: DigestCache | undefined;
}

/** Runs some work with the image at a place, or with the one that a spec asks for. */
async function withImage(
  text: string,
  context: WhyContext,
  work: (image: Image) => Promise<void>,
): Promise<void> {
  if (await isSpec(text)) {
    await withBuilt(text, context, work);
    return;
  }
  await using source = await context.transports.source(text);
  await work(await source.read(context.read));
}

/** How much of a file is looked at: the header of an archive's first member, which has zeros in it. */
const HEADER_SIZE = 512;

/** Whether a text names a file that is a JSON object: no image is one. */
async function isSpec(text: string): Promise<boolean> {
  try {
    // What can be read only once can't be looked at first.
    if (!(await stat(text)).isFile()) return false;
    await using file = await open(text);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(HEADER_SIZE) });
    const start = buffer.toString("latin1", 0, bytesRead);
    return /^\s*\{/.test(start) && !start.includes("\0");
  } catch {
    // Whatever it is, it is met again, and named, as a place.
    return false;
  }
}

async function withBuilt(
  path: string,
  { transports, read, signal, cache, maxSpool }: WhyContext,
  work: (image: Image) => Promise<void>,
): Promise<void> {
  const spec = await readSpec(path);
  await using source = spec.fromImage === undefined ? undefined : await transports.source(spec.fromImage);
  const wanted = spec.architecture ?? read.platform.architecture;
  const base = await source?.read({ ...read, platform: { ...read.platform, architecture: wanted } });
  await using last = await lastBuild(spec, transports);
  await using draft = await draftImage(spec, {
    base,
    lastImage: await last?.read(read),
    architecture: architecture(),
    now: new Date(),
    cache,
    workshop: workshop({ maxSpool, signal }),
  });
  await work(await measured(draft, signal));
}

/** A draft's image, with its layers as they were measured. */
async function measured(draft: ImageDraft, signal: AbortSignal): Promise<Image> {
  const layers: Layer[] = [];
  for await (const layer of draft.layers(signal)) layers.push(layer);
  const { config, names, annotations } = draft.finish(layers);
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const manifest = newManifest({ config: config.descriptor, layers: descriptors, annotations });
  return { manifest, config, layers, names };
}
