/** Writes an image to one or more sinks; its layers are read once. */

import { cancelled, VarveError } from "#errors";
import {
  type FinishedDraft,
  type ImageDraft,
  isUnmeasured,
  type Layer,
  newManifest,
  type UnmeasuredLayer,
} from "#image";
import type { Descriptor } from "#oci";
import { shareReading } from "./broadcast.ts";
import { Finishing } from "./finishing.ts";
import {
  type ImageSink,
  type ImageWriter,
  type LayerOutcome,
  type LayerProgress,
  NAMING,
  type OpenOptions,
  type StoredLayer,
} from "./sink.ts";

/** How an image is written to sinks. */
export interface WriteOptions extends OpenOptions {
  /** True for images that an index will name, and nothing else. */
  readonly untagged?: boolean;
  /**
   * Called when all layers are stored and nothing is named yet; if it throws, no sink has the image.
   * @throws whatever speaks against the image
   */
  readonly examine?: ((image: FinishedDraft) => Promise<void>) | undefined;
  readonly onProgress?: (sink: ImageSink, progress: LayerProgress) => void;
}

/** What was written to one sink. */
export interface WrittenImage {
  readonly sink: ImageSink;
  /** Of the manifest, or where a sink has none, of the config. */
  readonly descriptor: Descriptor;
  readonly config: Descriptor;
  readonly names: readonly string[];
  /** As they are stored, with the ids of the components that are in them. */
  readonly layers: readonly (StoredLayer & Pick<Layer, "components">)[];
}

/**
 * Writes an image to all sinks. Each gets the layers from the bottom up, then the config and the manifest; the manifest
 * that an image came with is kept where all of its layers were stored as they are.
 *
 * No sink has the image before all of them have everything but its name. Then it is named, in one sink after the other,
 * beginning with those that are most likely to fail.
 * @returns one result for each sink, in their order
 * @throws VarveError whatever reading the layers and writing to the sinks throw. Then no sink has the image, unless naming
 *   it failed when others had done so; the sentence says which those are, and they keep it
 */
export async function writeImage(
  draft: ImageDraft,
  sinks: readonly ImageSink[],
  options: WriteOptions = {},
): Promise<WrittenImage[]> {
  const outputs: Output[] = [];
  const disposeAll = () => Promise.allSettled(outputs.map((output) => output.dispose()));
  let written: WrittenImage[];
  try {
    for (const sink of sinks) outputs.push(new Output(sink, await sink.open(options), options));
    written = await writeToAll(draft, outputs, options);
  } catch (error) {
    await disposeAll();
    throw error;
  }
  for (const result of await disposeAll()) if (result.status === "rejected") throw result.reason;
  return written;
}

async function writeToAll(
  draft: ImageDraft,
  outputs: readonly Output[],
  { signal, examine }: Pick<WriteOptions, "signal" | "examine">,
): Promise<WrittenImage[]> {
  const parallel = outputs.length === 1 ? outputs[0]!.sink.parallel : 1;
  // Where every sink can store what isn't known yet, nothing is read only to be measured.
  const readOnce = outputs.every((output) => output.takesUnmeasured);
  const source = (readOnce ? draft.unmeasuredLayers?.(signal) : undefined) ?? draft.layers(signal);
  const finishing = new Finishing(draft, ({ config }) => {
    for (const output of outputs) output.config(config);
  });
  await forEachParallel(finishing.watch(source), parallel, async (layer, index) => {
    await proven(layer, signal, (layer) => storeInAll(layer, { index, outputs, signal }));
  });
  const finished = await finishing.draft;
  await examine?.(finished);
  const written: WrittenImage[] = [];
  for (const output of outputs) written.push(await output.prepare(finished));
  if (signal?.aborted) throw cancelled("writing the image");
  await commitAll(outputs);
  return written;
}

async function commitAll(outputs: readonly Output[]): Promise<void> {
  const named: string[] = [];
  for (const output of NAMING.flatMap((naming) => outputs.filter((output) => output.naming === naming))) {
    try {
      await output.commit();
    } catch (error) {
      if (named.length === 0 || !(error instanceof VarveError)) throw error;
      const others = `${named.join(" and ")} ${named.length === 1 ? "has" : "have"} the image already`;
      throw new VarveError(error.code, `${error.message}; ${others}`, { cause: error });
    }
    named.push(output.sink.name);
  }
}

/**
 * Stores a layer at every output. If its digest is only a claim, the layer is read to its end in any case, and so checked, even
 * if no output needed its bytes.
 */
async function proven<T extends Layer | UnmeasuredLayer>(
  layer: T,
  signal: AbortSignal | undefined,
  store: (layer: T) => Promise<void>,
): Promise<void> {
  if (isUnmeasured(layer) || !layer.claimed) return await store(layer);
  let isRead = false;
  const open = async function* (signal?: AbortSignal) {
    yield* layer.open(signal);
    isRead = true;
  };
  await store({ ...layer, open });
  if (isRead) return;
  for await (const _ of layer.open(signal));
}

/** Gives one layer to every output; it is read once for all of them. */
async function storeInAll(
  layer: Layer | UnmeasuredLayer,
  { index, outputs, signal }: { index: number; outputs: readonly Output[]; signal: AbortSignal | undefined },
): Promise<void> {
  if (outputs.length === 1) {
    await outputs[0]!.store(layer, index);
    return;
  }
  const readings = shareReading(layer, { readers: outputs.length, signal });
  const results = await Promise.allSettled(
    outputs.map(async (output, at) => {
      const reading = readings[at]!;
      let begun = false;
      const open = (signal?: AbortSignal) => {
        // An upload that failed begins again when the others have gone on, so it reads the layer separately; and so does a sink
        // that reads it only when all layers have been handed out.
        if (begun) return layer.open(signal);
        begun = true;
        return reading.open();
      };
      try {
        await output.store({ ...layer, open }, index);
      } finally {
        reading.decline();
        begun = true;
      }
    }),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** One sink, and what it has got so far. */
class Output {
  readonly sink: ImageSink;
  readonly #writer: ImageWriter;
  readonly #options: WriteOptions;
  readonly #stored: WrittenImage["layers"][number][] = [];

  constructor(sink: ImageSink, writer: ImageWriter, options: WriteOptions) {
    this.sink = sink;
    this.#writer = writer;
    this.#options = options;
  }

  get naming(): ImageWriter["naming"] {
    return this.#writer.naming;
  }

  get takesUnmeasured(): boolean {
    return this.#writer.unmeasuredLayer !== undefined;
  }

  async store(layer: Layer | UnmeasuredLayer, index: number): Promise<void> {
    let done = 0;
    const report = (outcome?: LayerOutcome) =>
      this.#options.onProgress?.(this.sink, {
        index,
        done,
        ...sizeOf(layer, outcome),
        ...(outcome && { outcome }),
      });
    report();
    const open = async function* (signal?: AbortSignal) {
      for await (const chunk of layer.open(signal)) {
        yield chunk;
        done += chunk.length;
        report();
      }
    };
    const stored = isUnmeasured(layer)
      ? await this.#writer.unmeasuredLayer!({ ...layer, open })
      : await this.#writer.layer({ ...layer, open });
    const { components, annotations } = layer;
    const descriptor =
      annotations === undefined ? stored.descriptor : annotated(stored.descriptor, annotations);
    this.#stored[index] = { ...stored, descriptor, components };
    report(stored.outcome);
  }

  config(config: FinishedDraft["config"]): void {
    this.#writer.config?.(config);
  }

  async commit(): Promise<void> {
    await this.#writer.commit();
  }

  async dispose(): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }

  async prepare({ config, names, manifest, annotations }: FinishedDraft): Promise<WrittenImage> {
    const layers = this.#stored;
    const kept =
      manifest?.value.layers.length === layers.length &&
      manifest.value.layers.every((layer, index) => layer.digest === layers[index]!.descriptor.digest);
    const descriptor = await this.#writer.prepare({
      config,
      manifest: kept
        ? manifest
        : newManifest({
            config: config.descriptor,
            layers: layers.map((layer) => layer.descriptor),
            annotations: annotations ?? manifest?.value.annotations,
          }),
      names,
      ...(this.#options.untagged ? { untagged: true } : {}),
    });
    return { sink: this.sink, descriptor, config: config.descriptor, names, layers };
  }
}

function annotated(descriptor: Descriptor, annotations: Readonly<Record<string, string>>): Descriptor {
  return { ...descriptor, annotations: { ...descriptor.annotations, ...annotations } };
}

/** How large a layer is, as far as that is known before it is stored. */
function sizeOf(
  layer: Layer | UnmeasuredLayer,
  outcome: LayerOutcome | undefined,
): Pick<LayerProgress, "digest" | "size"> {
  if (isUnmeasured(layer) && outcome === undefined) return { digest: undefined, size: layer.estimatedSize };
  const { digest, size } = (isUnmeasured(layer) ? layer.measured() : layer).descriptor;
  return { digest, size };
}

/**
 * Runs `work` on each item, at most `limit` at the same time; whether there is another item is seen while they run. If one
 * fails, waits for those that have begun, and then fails.
 */
async function forEachParallel<T>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let index = 0;
  try {
    for await (const item of items) {
      if (running.size >= limit) await Promise.race(running);
      if (failures.length > 0) break;
      const task = work(item, index++)
        .catch((error) => void failures.push(error))
        .finally(() => running.delete(task));
      running.add(task);
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
