/** Does the job of one layer: packs, compresses and sends it, or finds that it is there. */
import { resolve } from "node:path";
import { draftImage, type ScriptedPlan } from "#draft";
import { VarveError } from "#errors";
import { KeptListings } from "#fs";
import { isUnmeasured, type Layer, type UnmeasuredLayer } from "#image";
import { JOB_VERSION, type LayerJob, type LayerResult, readLayerJob, recipeFromJson } from "#jobs";
import { unmeasuredLayers } from "#measure";
import { type Descriptor, identify, parseReference } from "#oci";
import { knownBlobs } from "#transports";
import { encodeLayer, encodeUnmeasured } from "#write";
import { inputs, type SpecOptions } from "../build.ts";
import { type Machine, type Operation, operate } from "../machine.ts";
import { openSource } from "../source.ts";
import { openOnBase } from "../spec-on-base.ts";
import { madeBy, outcomeOf } from "./plan-jobs.ts";
import { findResult, putResult, type ResultsPlace, resultReference } from "./results.ts";

/** How a layer's job is done. */
export interface RunJobOptions extends SpecOptions {
  /** The repository that gets the layer, with its registry: `registry.example/app`. Without it the layer is only looked at. */
  readonly push?: string | undefined;
  /** The folder that has the files; the working directory unless given. */
  readonly root?: string | undefined;
}

/** What has become of a job. */
export interface DoneJob {
  readonly result: LayerResult;
  /** Whether somebody has done it before. */
  readonly wasThere: boolean;
}

/** What `runJob` does. */
export async function doJob(path: string, options: RunJobOptions = {}): Promise<DoneJob> {
  const { push, root = "." } = options;
  return await operate(options, async (operation) => {
    const { machine, signal } = operation;
    const job = await readLayerJob(path, signal);
    const place = push === undefined ? undefined : await resultsPlace(push, { machine, signal });
    const known = place && (await findResult(place, job.key));
    if (known !== undefined) return { result: known, wasThere: true };
    checkCompressor(job, path);
    const making = { job, path, operation, options, root: resolve(root) };
    const stored = await withLayer(making, async (layer) => {
      const descriptor = await store(layer, { job, machine, place, signal });
      const { diffId } = isUnmeasured(layer) ? layer.measured() : layer;
      return { descriptor, diffId };
    });
    const result: LayerResult = {
      varveJob: JOB_VERSION,
      kind: "result",
      key: job.key,
      ...stored,
      ...(place !== undefined && { repository: `${place.registry}/${place.repository}` }),
    };
    if (place !== undefined) await putResult(place, result);
    return { result, wasThere: false };
  });
}

/** The repository in which results are kept. @throws VarveError `INVALID_REFERENCE` */
export async function resultsPlace(
  text: string,
  { machine, signal }: Pick<Operation, "machine" | "signal">,
): Promise<ResultsPlace> {
  const { registry, repository } = parseReference(text.replace(/^docker:\/\//, ""));
  return { client: await machine.transports.client(registry), registry, repository, signal };
}

/** Another compressor makes another blob of the same layer. */
function checkCompressor({ result }: LayerJob, path: string): void {
  const { library, ...choice } = result.compression;
  const own = outcomeOf(choice as Parameters<typeof outcomeOf>[0]).compression.library;
  if (own === library) return;
  throw new VarveError(
    "JOB_DIFFERS",
    `${path} was planned with ${library}, and here layers are compressed with ${own}, which makes other bytes; run it with the same Node.js, or plan with this one`,
  );
}

interface Making {
  readonly job: LayerJob;
  readonly path: string;
  readonly operation: Operation;
  readonly options: RunJobOptions;
  readonly root: string;
}

type Use<T> = (layer: Layer | UnmeasuredLayer) => Promise<T>;

async function withLayer<T>(making: Making, use: Use<T>): Promise<T> {
  const { job, operation, root } = making;
  const { cache } = operation.machine;
  const listings = new KeptListings(cache?.now() ?? 0, { isLasting: true });
  const recipe = recipeFromJson(job.recipe, { root, listings, components: job.components });
  if (job.kind === "scripts") return await withScripts({ ...making, job }, use);
  const { signal } = operation;
  for await (const layer of unmeasuredLayers([recipe], { cache, kept: listings, signal })) {
    return await use(layer);
  }
  throw new Error("a recipe has a layer");
}

/** Plans the spec again, so that scripts run as they would when it is built. */
async function withScripts<T>(
  { job, path, operation, options, root }: Making & { job: Extract<LayerJob, { kind: "scripts" }> },
  use: Use<T>,
): Promise<T> {
  const { fields, path: from, platform, libc } = job.spec;
  const { machine, signal } = operation;
  const source = await openSource(resolve(root, from), {
    machine,
    signal,
    change: (own) => ({ ...own, ...fields }),
  });
  return await operate({ machine, platform, signal }, async (operation) => {
    await using known = await openOnBase(source, operation, { ...options, libc });
    await using draft = await draftImage(known.spec, { ...inputs(operation, options), ...known });
    const listings = new KeptListings(0, { isLasting: true });
    const given = { from: { path: from, fields }, libc, platform };
    const jobs = madeBy(draft, { known, operation, options: given, root, listings, result: job.result });
    const at = jobs.findIndex(({ kind, key }) => kind === "scripts" && key === job.key);
    if (at === -1) {
      throw new VarveError(
        "JOB_DIFFERS",
        `the scripts of ${path}, or what they see, aren't as they were when it was planned; run it where the spec and the base are the same, or plan again`,
      );
    }
    return await use(await (draft.made[at] as ScriptedPlan).layer(signal));
  });
}

interface StoreOptions {
  readonly job: LayerJob;
  readonly machine: Machine;
  readonly place: ResultsPlace | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Sends a layer to the repository, or only finds out what it is when it is compressed. */
async function store(
  layer: Layer | UnmeasuredLayer,
  { job, machine, place, signal }: StoreOptions,
): Promise<Descriptor> {
  const { library: _, ...compression } = job.result.compression;
  const choice = compression as Parameters<typeof outcomeOf>[0];
  if (place === undefined) {
    const encoded = isUnmeasured(layer) ? encodeUnmeasured(layer, choice) : encodeLayer(layer, choice);
    const { open } = encoded ?? layer;
    const made = await identify(open.call(encoded ?? layer, signal));
    return encoded?.describe(made) ?? (layer as Layer).descriptor;
  }
  const { registrySink } = await import("#registry");
  const sink = registrySink({ client: place.client, reference: resultReference(place, job.key) });
  const known = machine.cache && knownBlobs(machine.cache);
  await using writer = await sink.open({ compression: choice, known, signal });
  const stored = isUnmeasured(layer) ? await writer.unmeasuredLayer!(layer) : await writer.layer(layer);
  return stored.descriptor;
}
