/** The layers that an image will have, before anything of it is built. */
import type { Libc } from "#draft";
import type { Image } from "#image";
import type { Layout } from "#layering";
import { type ImagePlan, planImage } from "#plan";
import { compareWith, imageLayers, type PlanReport, planPage, reportPlan } from "#report";
import type { ImageSpec, ImageSpecInput, SpecFields } from "#spec";
import { writeLock } from "./lock-file.ts";
import { type Operation, type OperationOptions, operate } from "./machine.ts";
import { openSource, type SourceListener, type SpecSource } from "./source.ts";
import { openSpecImages } from "./spec-images.ts";
import { openOnBase } from "./spec-on-base.ts";

/** What a plan is compared with, and what is left out of it. */
export interface PlanOptions extends OperationOptions, SourceListener {
  /** Places of images to compare the plan with, such as the last one in the registry. */
  readonly against?: readonly string[] | undefined;
  /** Which C library a Node project's packages are chosen for; by default that of the base. */
  readonly libc?: Libc | undefined;
  /** Where the image is going to be, for a spec whose `layersFrom` is "destination"; the first of `against` unless given. */
  readonly destination?: string | undefined;
  /** Absolute paths that aren't part of the image. */
  readonly outputs?: readonly string[] | undefined;
  /** Under which key a JSON object holds the graph; that of the only one unless given. */
  readonly graphKey?: string | undefined;
}

/** The report about a plan. */
export interface PlannedImage {
  readonly report: PlanReport;
  /** The spec that was planned, as people write it. */
  readonly fields: SpecFields;
  /** The same as an HTML page that needs nothing but a browser. */
  html(): string;
}

/**
 * Plans the layers of a spec's image, and reports what is in them, which changes would touch them, and what an update sends again.
 * @param spec - the path of a spec or of a project's folder, or a spec
 * @throws VarveError as `build` does for the spec, the graph and the base; and what reading the images to compare with throws
 */
export async function plan(spec: string | ImageSpecInput, options: PlanOptions = {}): Promise<PlannedImage> {
  return await operate(options, async ({ machine, signal }) =>
    planFrom(await openSource(spec, { machine, listsAhead: true, signal }), { ...options, machine }),
  );
}

interface PlanSourceOptions extends PlanOptions {
  /** A file to which the layout is written. */
  readonly lockFile?: string | undefined;
  readonly isGraph?: boolean;
  /** The layouts of other images that are planned together with this one. */
  readonly otherLayouts?: readonly Layout[] | undefined;
}

/** As {@link plan}, of a spec that was read, or of one that has nothing but a graph, and no name. */
export async function planFrom(
  source: SpecSource,
  { lockFile, ...options }: PlanSourceOptions,
): Promise<PlannedImage> {
  const { planned, plan } = await planSource(source, options);
  if (lockFile !== undefined)
    await writeLock(lockFile, new Map([[source.spec.name, plan.layout]]), options.signal);
  return planned;
}

/** As {@link planFrom}, with the plan itself. */
export async function planSource(
  source: SpecSource & { readonly isGraph?: boolean },
  {
    against = [],
    outputs,
    graphKey,
    libc,
    destination = against[0],
    isGraph = source.isGraph ?? false,
    otherLayouts,
    ...options
  }: Omit<PlanSourceOptions, "lockFile">,
): Promise<{ planned: PlannedImage; plan: ImagePlan; report: PlanReport; name: string }> {
  return await operate(options, async (operation) => {
    await using known = await openOnBase(source, operation, { ...options, libc, destination });
    const { spec, fields, base } = known;
    const name = isGraph ? undefined : `${spec.name}${spec.tag ? `:${spec.tag}` : ""}`;
    const plan = await planImage(spec, {
      ...known,
      outputs,
      workingDir: spec.config.WorkingDir ?? base?.config.value.config?.WorkingDir,
      graphKey,
      otherLayouts,
      lock: await operation.machine.together?.layoutsOf(spec),
      listings: operation.machine.together?.listings ?? source.listings,
      withSizes: true,
      signal: operation.signal,
    });
    const others = await readAll(against, spec, operation);
    const comparisons = others.map(({ place, image }) => compareWith(plan, { place, image, base }));
    const report = { ...reportPlan(plan, name), against: comparisons };
    const planned = {
      report,
      fields,
      html() {
        const layers = others.map(({ place, image }) => ({ place, layers: imageLayers(image, plan.graph) }));
        return planPage({ report, graph: plan.graph, images: layers });
      },
    };
    return { planned, plan, report, name: name ?? spec.name };
  });
}

/** The layers of a spec's components, as ids from the lowest layer up, and nothing more. */
export async function planGroups(
  spec: ImageSpec,
  { graphKey, ...options }: OperationOptions & Pick<PlanOptions, "graphKey">,
): Promise<Pick<ImagePlan, "groups" | "layout">> {
  return await operate(options, async (operation) => {
    await using images = await openSpecImages(spec, operation);
    const { base, lastImage, sharedImages } = images;
    return await planImage(spec, { base, lastImage, sharedImages, graphKey, signal: operation.signal });
  });
}

interface ReadImage {
  readonly place: string;
  readonly image: Image;
}

async function readAll(
  places: readonly string[],
  { architecture }: ImageSpec,
  { machine: { transports }, read }: Operation,
): Promise<ReadImage[]> {
  const platform = { ...read.platform, architecture: architecture ?? read.platform.architecture };
  const images: ReadImage[] = [];
  for (const place of places) {
    await using source = await transports.source(place);
    // Manifest and config are all that is asked for.
    images.push({ place, image: await source.read({ ...read, platform }) });
  }
  return images;
}
