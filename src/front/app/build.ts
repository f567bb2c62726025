/** Builds an image from a spec, and writes it to places. */
import { draftImage, type Libc } from "#draft";
import { VarveError } from "#errors";
import { KeptListings } from "#fs";
import type { Image } from "#image";
import type { Sifted } from "#inspect";
import type { Layout } from "#layering";
import type { Seat } from "#measure";
import type { Digest } from "#oci";
import type { ScriptName } from "#sandbox";
import { basePlace, type ImageSpec, type ImageSpecInput } from "#spec";
import type { ImageSink, WrittenImage } from "#write";
import { rememberListed } from "./ahead.ts";
import { type AttachedDocument, attachDocuments } from "./attest/attach.ts";
import { type AttestOptions, type ImageDocument, keepingLayers, wantsDocuments } from "./attest/wanted.ts";
import { seated, telling } from "./bake/seat.ts";
import { type LayerContents, layerContents } from "./contents.ts";
import { destinationOf } from "./destination.ts";
import { ownErrors, specInspection } from "./inspection.ts";
import { writeLock } from "./lock-file.ts";
import { type Operation, type OperationOptions, operate } from "./machine.ts";
import {
  described,
  openTargets,
  outputPaths,
  type Target,
  type WritingOptions,
  type Written,
  writeTo,
} from "./places.ts";
import { saidOf, saying } from "./said-compression.ts";
import { pullCaches, pushCaches } from "./shared-cache.ts";
import type { SignBuiltOptions } from "./signatures/built.ts";
import { builtSigner } from "./signatures/doors.ts";
import { openSource, type SourceListener, type SpecSource } from "./source.ts";
import { againIfStale } from "./spec-images.ts";
import { openOnBase } from "./spec-on-base.ts";

/** Further options of operations on specs. */
export interface SpecOptions extends OperationOptions, SourceListener {
  /** Receives each line that a script of the spec writes, as it comes. */
  readonly onOutput?: ((line: string, script: ScriptName) => void) | undefined;
}

/** Where an image that is built goes, and how. */
export interface BuildOptions extends SpecOptions, WritingOptions, AttestOptions, SignBuiltOptions {
  /** False to write the image whatever is wrong with it; nothing is looked for then. */
  readonly check?: boolean | undefined;
  /** Gets what is wrong with the image, before an error among it fails the build. */
  readonly onFindings?: ((findings: Sifted) => void) | undefined;
  /** Where the image goes; each layer is made once for all of them. */
  readonly to: readonly Target[];
  /**
   * Further files and folders, absolute, that are written meanwhile, and therefore aren't part of the image either.
   * @internal
   */
  readonly writtenMeanwhile?: readonly string[] | undefined;
  /** Which C library a Node project's packages are chosen for: `glibc` or `musl`; by default that of the base. */
  readonly libc?: Libc | undefined;
  /** Tags in registries from which digests are added to the cache before the build. */
  readonly cacheFrom?: readonly string[] | undefined;
  /**
   * Believes what these say of a base's names and links, which nothing can check but by pulling the base: for caches that only those
   * can write to whom the image's makers trust.
   */
  readonly trustCachedBases?: boolean | undefined;
  /**
   * Believes what these say of the blob that a layer is when it is compressed: one that the place has is neither compressed nor sent. What is in the
   * layer is seen here all the same. A wrong blob makes an image that engines refuse which compare what they unpack with its config.
   */
  readonly trustCachedLayers?: boolean | undefined;
  /** Tags in registries to which this build's digests are added. */
  readonly cacheTo?: readonly string[] | undefined;
}

/** An image that was built. */
export interface BuiltImage {
  /** Of its manifest at the first place, or where that has none of its config. */
  readonly digest: Digest;
  /** The names that it has there. */
  readonly names: readonly string[];
  /** The image as it is at each place, in their order. */
  readonly places: readonly Written[];
  /** What each of its layers has, in the order of theirs. */
  readonly contents: readonly LayerContents[];
  /** What its base is called; undefined without one. */
  readonly base: string | undefined;
  /** The ports that it exposes, such as `3000/tcp`. */
  readonly ports: readonly string[];
  /** What was written down of it, for each digest that it has; empty unless asked for. */
  readonly documents: readonly ImageDocument[];
  /** Where these hang on it, and its signatures. */
  readonly attached: readonly AttachedDocument[];
}

/**
 * Builds the image that a spec asks for, and writes it to all places.
 * @param spec - the path of a spec or of a project's folder, or a spec whose paths are relative to the working directory
 * @throws VarveError `USAGE` without a place; `INVALID_SPEC`, `NOT_FOUND`, `UNREADABLE`, and what reading the graph and the base,
 *   installing packages for another platform, running scripts and writing throw; `CHECK_FAILED` for an image that is sure to fail;
 *   the places then have no image that wasn't there
 */
export async function build(spec: string | ImageSpecInput, options: BuildOptions): Promise<BuiltImage> {
  return await operate(options, async ({ machine, signal }) =>
    buildFrom(await openSource(spec, { machine, listsAhead: true, signal }), { ...options, machine }),
  );
}

/** As {@link build}, of a spec that was read. */
export async function buildFrom(source: SpecSource, options: BuildOptions): Promise<BuiltImage> {
  const { to, writtenMeanwhile = [], cacheFrom = [], cacheTo = [], onNote } = options;
  if (to.length === 0) throw noPlace();
  return await operate(options, async (operation) => {
    const signer = await builtSigner({ ...options, operation });
    const sinks = await openTargets(to, operation.machine);
    const outputs = [...(await outputPaths(to)), ...writtenMeanwhile];
    const destination = destinationOf(source.spec, to);
    // While the registry answers, the project is read.
    for (const sink of sinks) sink.begin?.(operation.signal);
    await pullCaches(cacheFrom, { ...options, ...operation });
    const { image, written } = await buildOne(source, { sinks, outputs, operation, options, destination });
    const { documents } = image;
    const attached = await attachDocuments(documents, written, { ...options, operation });
    for (const [at, { descriptor: subject }] of written.entries()) {
      attached.push(...(await signer.sign(at, [{ subject, documents }])));
    }
    await pushCaches(cacheTo, { ...operation, onNote });
    return { ...image, attached };
  });
}

export function noPlace(): VarveError {
  return new VarveError("USAGE", "there is no place to write the image to; name one in `to`");
}

/** What building one image takes. */
export interface OneBuild {
  readonly sinks: readonly ImageSink[];
  /** Files and folders, absolute, that aren't part of the image. */
  readonly outputs: readonly string[];
  readonly operation: Operation;
  readonly options: Omit<BuildOptions, "to">;
  /** The first registry's reference that the image goes to. */
  readonly destination?: string | undefined;
  /** The platform of one of several images that an index will name, and nothing else. */
  readonly platform?: string;
  /** The layout of the same image for another platform. */
  readonly likeLayout?: Layout | undefined;
  /** Given if nothing of it is to be kept, not even in the spec's lock file. */
  readonly trial?: {
    /** What the manifest says of how its layers are compressed, instead of what is so here. */
    readonly saidCompression: string | undefined;
  };
}

/** One image that was built. */
export interface OneBuilt {
  readonly image: BuiltImage;
  /** As the sinks have it, in their order. */
  readonly written: readonly WrittenImage[];
  readonly layout: Layout;
}

/** Builds a spec's image for one platform, and writes it. */
export async function buildOne(source: SpecSource, one: OneBuild): Promise<OneBuilt> {
  const { sinks, operation } = one;
  return await seated(operation, sinks.length, (seat) => buildSeated(source, { ...one, seat }));
}

async function buildSeated(
  source: SpecSource,
  {
    sinks,
    outputs,
    operation,
    options,
    destination,
    platform,
    likeLayout,
    trial,
    seat,
  }: OneBuild & { readonly seat: Seat | undefined },
): Promise<OneBuilt> {
  const { machine } = operation;
  await using known = await openOnBase(source, operation, { ...options, destination });
  const { spec, base } = known;
  const { compression } = options;
  const { together } = machine;
  const said = trial === undefined ? saidOf(compression) : trial.saidCompression;
  const { cache } = machine;
  // What was begun is for one image.
  let begun = platform === undefined ? source.listings : undefined;
  const attempt = async (): Promise<OneBuilt> => {
    const listings = together?.listings ?? begun ?? new KeptListings(cache?.now() ?? 0);
    // Another attempt looks at the files anew.
    begun = undefined;
    const inspection = options.check === false ? undefined : specInspection(spec, { operation, base });
    await using draft = await draftImage(spec, {
      ...inputs(operation, options),
      ...known,
      base: (base && inspection?.image(base)) ?? base,
      outputs,
      likeLayout,
      listings,
      shared: seat,
      lock: await together?.layoutsOf(spec),
    });
    if (cache !== undefined && together === undefined) rememberListed(cache, source.folder, listings);
    const watched = inspection?.draft(draft) ?? draft;
    const kept = wantsDocuments(options) ? keepingLayers(watched) : undefined;
    if (likeLayout === undefined) await together?.planned(spec, draft.layout);
    const written = await writeTo(saying(kept?.draft ?? watched, said), {
      sinks,
      operation,
      options: seat === undefined ? options : { ...options, onProgress: telling(seat, options.onProgress) },
      untagged: platform !== undefined,
      examine:
        inspection &&
        (async ({ config }) => examine(await inspection.findings(config), { ...options, platform })),
    });
    // Those of images that are made together are written in the end.
    const keepsLock = trial === undefined && together === undefined;
    if (likeLayout === undefined && spec.lockFile !== undefined && keepsLock) {
      await writeLock(spec.lockFile, new Map([[spec.name, draft.layout]]), operation.signal);
    }
    const places = written.map(described);
    const [first] = places as [Written, ...Written[]];
    const { digest, names } = first;
    const ports = Object.keys(draft.config.ExposedPorts ?? {}).sort();
    const contents = layerContents(first.layers, { graph: draft.graph, base });
    const baseName = nameOfBase(spec, base);
    const facts = { draft, base, baseName, written, fields: known.fields, folder: source.folder };
    // Loaded only when it is asked for.
    const attesting = kept && (await import("./attest/documents.ts"));
    const documents =
      (await attesting?.imageDocuments({ ...facts, layers: kept!.layers() }, options, operation)) ?? [];
    const image = { digest, names, places, contents, base: baseName, ports, documents, attached: [] };
    return { image, written, layout: draft.layout };
  };
  // What the reader of a stream has got can't be taken back.
  const streams = sinks.some(({ isStream }) => isStream);
  return streams ? await attempt() : await againIfStale(attempt, { machine, onNote: options.onNote });
}

/** What people call a base: its own name, if it has one, or where it is. */
function nameOfBase({ fromImage }: ImageSpec, base: Image | undefined): string | undefined {
  return base === undefined ? undefined : (base.names[0] ?? basePlace(fromImage).place);
}

/** Lets an image fail that is sure to fail. @throws VarveError `CHECK_FAILED` */
export function examine(
  sifted: Sifted,
  { onFindings, platform }: Pick<BuildOptions, "onFindings" | "platform">,
): void {
  onFindings?.(sifted);
  const [first, ...others] = ownErrors(sifted.findings);
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more of its kind)`;
  const image = platform === undefined ? "the image" : `the image for ${platform}`;
  throw new VarveError(
    "CHECK_FAILED",
    `${image} would fail: ${first.path}: ${first.message} (${first.code})${more}; mend it, or let the spec's check.ignore say why it is right`,
  );
}

/** What a draft needs from an operation. */
export function inputs(
  { machine, read, signal }: Operation,
  { onNote, onOutput }: Omit<SpecOptions, "machine">,
) {
  const { cache, path, temporary, maxSpool, together } = machine;
  const { architecture } = read.platform;
  const { listings } = together ?? {};
  return {
    ...{ architecture, now: machine.now(), cache, path, temporary, maxSpool, signal, onNote, onOutput },
    listings,
  };
}
