/** Makes jobs of an image: one for each layer, and one for the image. */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type CompressionChoice, compressorOf, formatOf } from "#compress";
import { draftImage, type Libc, type PlannedDraft } from "#draft";
import { VarveError } from "#errors";
import { KeptListings } from "#fs";
import type { Image } from "#image";
import {
  fromRoot,
  type ImageJob,
  JOB_VERSION,
  type JobSpec,
  jobKey,
  jobText,
  type LayerJob,
  type Outcome,
  recipeToJson,
} from "#jobs";
import { formatPlatform, formatReference, layerMediaType } from "#oci";
import { basePlace, type SpecFields } from "#spec";
import { bytesSource, writeFileAtomically } from "#util";
import { inputs } from "../build.ts";
import { type Operation, operate } from "../machine.ts";
import type { PlanOptions } from "../plan.ts";
import { saidOf } from "../said-compression.ts";
import type { SpecSource } from "../source.ts";
import { openOnBase, type SpecOnBase } from "../spec-on-base.ts";

/** How jobs are made. */
export interface PlanJobsOptions
  extends Pick<PlanOptions, "machine" | "platform" | "signal" | "onNote" | "libc"> {
  /** The folder that gets the jobs; it is made where it isn't there. */
  readonly folder: string;
  /** The folder that other machines have, too, below which the image's files are; the working directory unless given. */
  readonly root?: string | undefined;
  /** How layers will be compressed; gzip unless given. */
  readonly compression?: CompressionChoice | undefined;
  /** What the source was read from, and fields that take the place of its own: for the layer that scripts make. */
  readonly from: { readonly path: string; readonly fields: SpecFields };
}

/** The jobs of an image. */
export interface PlannedJobs {
  readonly image: string;
  /** Paths of the layers' jobs, the lowest layer's first. */
  readonly layers: readonly string[];
}

/** The name of an image's job in its folder. */
export const IMAGE_JOB = "image.json";

const LAYER_JOB = /^layer-\d+(?:\.done)?\.json$/;

/** What `planJobs` does. */
export async function makeJobs(source: SpecSource, options: PlanJobsOptions): Promise<PlannedJobs> {
  const { root: given = ".", compression = { algorithm: "gzip" } } = options;
  const folder = resolve(options.folder);
  const root = resolve(given);
  return await operate(options, async (operation) => {
    await using known = await openOnBase(source, operation, options);
    await using draft = await draftImage(known.spec, {
      ...inputs(operation, options),
      ...known,
      outputs: [folder],
    });
    const listings = new KeptListings(0, { isLasting: true });
    const made = madeBy(draft, { known, operation, options, root, listings, result: outcomeOf(compression) });
    refuseOwn(made, operation);
    const layers = made.map((job, at) => ({ file: fileOf(at, made.length), job }));
    const image = imageJob(draft, { known, operation, options, layers });
    await mkdir(folder, { recursive: true });
    const kept = new Set(layers.map(({ file }) => file));
    for (const name of await readdir(folder)) {
      if (LAYER_JOB.test(name) && !kept.has(name.replace(".done", ""))) await rm(join(folder, name));
    }
    for (const { file, job } of layers) await save(join(folder, file), job);
    // The image comes last: whoever finds it has all of its layers' jobs.
    await save(join(folder, IMAGE_JOB), image);
    return { image: join(folder, IMAGE_JOB), layers: layers.map(({ file }) => join(folder, file)) };
  });
}

/** A job that is there already isn't touched: what looks at files' times, such as make, takes it for done. */
async function save(path: string, job: LayerJob | ImageJob): Promise<void> {
  const text = jobText(job);
  const before = await readFile(path, "utf8").catch(() => undefined);
  if (before !== text) await writeFileAtomically(path, bytesSource(Buffer.from(text)).open());
}

function fileOf(at: number, count: number): string {
  return `layer-${String(at + 1).padStart(Math.max(2, String(count).length), "0")}.json`;
}

/** What comes out of a layer's job. @throws VarveError `USAGE` for a compression that this machine doesn't have */
export function outcomeOf({ algorithm, level }: CompressionChoice): Outcome {
  const library = algorithm === "none" ? undefined : compressorOf({ algorithm, ...(level && { level }) });
  return {
    mediaType: layerMediaType(formatOf({ algorithm })),
    compression: {
      algorithm,
      ...(level !== undefined && { level }),
      ...(library !== undefined && { library }),
    },
  };
}

interface Making {
  readonly known: SpecOnBase;
  readonly operation: Operation;
  readonly options: Pick<PlanJobsOptions, "from" | "libc" | "platform">;
  readonly root: string;
  readonly listings: KeptListings;
  readonly result: Outcome;
}

/** The jobs of a draft's own layers, the lowest first. */
export function madeBy(draft: PlannedDraft, making: Making): LayerJob[] {
  const { known, root, listings, result, options } = making;
  const { name, tag } = draft.parts;
  const image = tag === undefined ? name : `${name}:${tag}`;
  return draft.made.map((made): LayerJob => {
    const recipe = recipeToJson("recipe" in made ? made.recipe : made, { root, listings });
    if (!("recipe" in made)) {
      const job = { varveJob: JOB_VERSION, kind: "layer", image, result, recipe } as const;
      return { ...job, key: jobKey(job), components: [...made.components] };
    }
    const base = known.base?.config.descriptor.digest;
    const job = {
      varveJob: JOB_VERSION,
      kind: "scripts",
      ...{ image, result, recipe, scripts: made.scripts },
      ...(made.after !== undefined && { after: recipeToJson(made.after, { root, listings }) }),
      ...(base !== undefined && { base }),
    } as const;
    const components = [...(made.after?.components ?? [])];
    return { ...job, key: jobKey(job), components, spec: specOf(options, root) };
  });
}

function specOf({ from, libc, platform }: Making["options"], root: string): JobSpec {
  return {
    path: fromRoot(resolve(from.path), root),
    fields: { ...from.fields },
    ...(platform !== undefined && { platform }),
    ...(libc !== undefined && { libc: libc satisfies Libc }),
  };
}

/** Packages that were installed for another platform are where no other machine has them. */
function refuseOwn(jobs: readonly LayerJob[], { machine }: Operation): void {
  const own = machine.cache?.folder;
  const folders = [...(own === undefined ? [] : [own]), machine.temporary];
  for (const { recipe } of jobs) {
    for (const item of recipe.items) {
      if (!("tree" in item) || !folders.some((folder) => item.tree.startsWith(`${folder}/`))) continue;
      if (item.narHash !== undefined) continue;
      throw new VarveError(
        "USAGE",
        `${item.tree} is on this machine alone, since packages were installed there for another platform, or it is temporary; plan where the packages are installed for the image's platform, or name a --root that it is in`,
      );
    }
  }
}

function imageJob(
  draft: PlannedDraft,
  {
    known: { base, spec },
    operation,
    options,
    layers,
  }: {
    readonly known: SpecOnBase;
    readonly operation: Operation;
    readonly options: PlanJobsOptions;
    readonly layers: readonly { readonly file: string; readonly job: LayerJob }[];
  },
): ImageJob {
  const { name, tag, config, annotations } = draft.parts;
  const said = saidOf(options.compression);
  return {
    varveJob: JOB_VERSION,
    kind: "image",
    name,
    ...(tag !== undefined && { tag }),
    ...(base !== undefined && { base: baseOf(base, basePlace(spec.fromImage).place ?? "", operation) }),
    layers: layers.map(({ file, job }) => ({ job: file, key: job.key })),
    config: config as ImageJob["config"],
    annotations: { ...annotations },
    ...(said !== undefined && { said }),
  };
}

/** A base in a registry is named by its digest: what its tag means may change until the image is put together. */
function baseOf(base: Image, place: string, { read }: Operation): NonNullable<ImageJob["base"]> {
  const origin = base.layers[0]?.origin;
  const digest = base.manifest?.descriptor.digest;
  const pinned = origin && digest && `docker://${formatReference({ ...origin, digest })}`;
  return {
    place: pinned ?? place,
    platform: formatPlatform(read.platform),
    ...(origin !== undefined && { origin }),
    layers: base.layers.map(({ descriptor, diffId, keep }) => ({
      ...descriptor,
      diffId,
      ...(keep !== undefined && { keep }),
    })),
  };
}
