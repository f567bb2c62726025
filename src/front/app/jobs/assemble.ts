/** Puts an image together of layers that jobs have made. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { finishParts, type ImageParts } from "#draft";
import { VarveError } from "#errors";
import type { ImageDraft, Layer } from "#image";
import {
  type ImageJob,
  type LayerJob,
  type LayerResult,
  readImageJob,
  readLayerJob,
  readLayerResult,
} from "#jobs";
import { type Descriptor, type Digest, parseDigest, parsePlatform, parseReference } from "#oci";
import { type Machine, type Operation, type OperationOptions, operate } from "../machine.ts";
import { openImages } from "../open-images.ts";
import {
  described,
  openTargets,
  type Target,
  type WritingOptions,
  type Written,
  writeTo,
} from "../places.ts";
import { saying } from "../said-compression.ts";
import { IMAGE_JOB } from "./plan-jobs.ts";
import { findResult } from "./results.ts";
import { resultsPlace } from "./run-job.ts";

/** Where an image is put together. */
export interface AssembleOptions extends OperationOptions, Omit<WritingOptions, "compression"> {
  readonly to: readonly Target[];
  /** Repositories in which results are looked for that aren't in the folder. */
  readonly from?: readonly string[] | undefined;
}

/** The ending of a result's file beside its job. */
const RESULT_ENDING = ".done.json";

/** What `assemble` does. */
export async function putTogether(folder: string, options: AssembleOptions): Promise<Written[]> {
  const { to, from = [] } = options;
  return await operate(options, async (operation) => {
    const { machine, signal } = operation;
    const image = await readImageJob(join(folder, IMAGE_JOB), signal);
    const jobs: LayerJob[] = [];
    for (const { job: file, key } of image.layers) jobs.push(await jobOf(join(folder, file), key, signal));
    const results = await resultsOf(jobs, { folder, image, from, operation });
    const draft = draftOfJobs(image, { jobs, results, operation });
    const sinks = await openTargets(to, machine);
    return (await writeTo(saying(draft, image.said), { sinks, operation, options })).map(described);
  });
}

async function jobOf(path: string, key: string, signal: AbortSignal | undefined): Promise<LayerJob> {
  const job = await readLayerJob(path, signal);
  if (job.key === key) return job;
  throw new VarveError("INVALID_JOB", `${path} is the job of another image; plan again`);
}

interface Finding {
  readonly folder: string;
  readonly image: ImageJob;
  readonly from: readonly string[];
  readonly operation: Operation;
}

async function resultsOf(
  jobs: readonly LayerJob[],
  { folder, image, from, operation }: Finding,
): Promise<LayerResult[]> {
  const { machine, signal } = operation;
  const places = await Promise.all(from.map((text) => resultsPlace(text, { machine, signal })));
  const results: LayerResult[] = [];
  const missing: string[] = [];
  for (const [at, { key }] of jobs.entries()) {
    const file = join(folder, image.layers[at]!.job);
    let result = await resultBeside(file, key, signal);
    for (const place of places) result ??= await findResult(place, key);
    if (result?.repository === undefined) missing.push(file);
    else results.push(result);
  }
  if (missing.length === 0) return results;
  const [where = "REPOSITORY"] = from;
  throw new VarveError(
    "JOB_MISSING",
    `${missing.length} of ${jobs.length} layers aren't made yet: ${missing.join(", ")}; run varve layer JOB --push ${where} for each`,
  );
}

async function resultBeside(
  file: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<LayerResult | undefined> {
  const path = file.replace(/\.json$/, RESULT_ENDING);
  if (!existsSync(path)) return undefined;
  const result = await readLayerResult(path, signal);
  // What is left of an earlier plan says nothing about this one.
  return result.key === key ? result : undefined;
}

interface DraftParts {
  readonly jobs: readonly LayerJob[];
  readonly results: readonly LayerResult[];
  readonly operation: Operation;
}

function draftOfJobs(image: ImageJob, { jobs, results, operation }: DraftParts): ImageDraft {
  const { machine } = operation;
  const base = (image.base?.layers ?? []).map((layer) => baseLayer(layer, image.base!, operation));
  const own = results.map((result, at) => jobLayer(result, jobs[at]!, machine));
  const parts = image as unknown as ImageParts;
  return {
    async *layers() {
      yield* base;
      yield* own;
    },
    finish: (layers) => finishParts(parts, layers, base.length),
  };
}

type Base = NonNullable<ImageJob["base"]>;

function baseLayer(
  { diffId, keep, ...layer }: Base["layers"][number],
  { place, platform, origin }: Base,
  { machine, read, signal }: Operation,
): Layer {
  const descriptor = descriptorOf(layer, place);
  return {
    descriptor,
    diffId: parseDigest(diffId, `a layer of ${place}`),
    components: [],
    ...(keep !== undefined && { keep }),
    ...(origin !== undefined && { origin }),
    async *open() {
      const wanted = { machine, read: { ...read, platform: parsePlatform(platform) }, signal };
      await using opened = await openImages([place], wanted);
      const same = opened.images[0]!.layers.find((each) => each.descriptor.digest === descriptor.digest);
      if (same === undefined) {
        throw new VarveError(
          "JOB_DIFFERS",
          `${place} isn't the base any more that the image was planned on; plan again`,
        );
      }
      yield* same.open(signal);
    },
  };
}

function jobLayer(
  { descriptor: given, diffId, repository: text }: LayerResult,
  { components, key }: LayerJob,
  { transports }: Machine,
): Layer {
  const { registry, repository } = parseReference(text!);
  const descriptor = descriptorOf(given, `the result of job ${key}`);
  return {
    descriptor,
    diffId: parseDigest(diffId, `the result of job ${key}`),
    components,
    keep: true,
    origin: { registry, repository },
    async *open(signal) {
      const client = await transports.client(registry);
      try {
        yield* client.getBlob({ repository, descriptor, signal });
      } catch (error) {
        if ((error as { status?: unknown }).status !== 404) throw error;
        throw new VarveError(
          "JOB_MISSING",
          `${text} doesn't have the layer ${descriptor.digest} any more, which the job ${key} has made; run it again`,
          { cause: error },
        );
      }
    },
  };
}

function descriptorOf(
  {
    mediaType,
    digest,
    size,
    annotations,
  }: {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
    readonly annotations?: Record<string, string> | undefined;
  },
  what: string,
): Descriptor {
  const checked: Digest = parseDigest(digest, what);
  return { mediaType, digest: checked, size, ...(annotations !== undefined && { annotations }) };
}
