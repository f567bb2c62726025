/** Serves images to whoever pulls them, and makes them when they are asked for. */
import type { CompressionChoice } from "#compress";
import { draftImage } from "#draft";
import { VarveError } from "#errors";
import type { ReferencesGraph } from "#graph";
import { draftOf, type Image, type ImageDraft, type ImageSource } from "#image";
import { parseReference } from "#oci";
import {
  addManifest,
  collectingSink,
  emptyCollection,
  type Listen,
  type MadeImage,
  pullSideOf,
  ServedImage,
  servePulls,
} from "#serve";
import { knownBlobs } from "#transports";
import { Resources } from "#util";
import { writeImage } from "#write";
import { type BuildOptions, examine, inputs, type SpecOptions } from "./build.ts";
import { isSpecPath } from "./compare.ts";
import { specInspection } from "./inspection.ts";
import { type Operation, operate } from "./machine.ts";
import { saidOf, saying } from "./said-compression.ts";
import { LATEST, nameIn, namesOf, ownName, withLatest } from "./serve-names.ts";
import { openSource, type SpecSource } from "./source.ts";
import { againIfStale } from "./spec-images.ts";
import { openOnBase } from "./spec-on-base.ts";
import { watchedPaths, watchFiles } from "./watch.ts";

/** What happens to an image that is served. */
export type ServeEvent = { readonly image: string } & (
  | { readonly kind: "made"; readonly digest: string; readonly tags: readonly string[] }
  | { readonly kind: "changed"; readonly path: string }
  /** Making it has failed, and what was made last is served; or, where that is said, files have changed since it was made. */
  | { readonly kind: "failed"; readonly error: unknown; readonly isStale: boolean }
);

export interface ServeOptions extends SpecOptions, Pick<BuildOptions, "libc" | "check" | "onFindings"> {
  readonly listen: Listen;
  /** How layers are compressed that aren't; not at all unless given, since that takes longer than sending them to this machine. */
  readonly compression?: CompressionChoice | undefined;
  /** Whether the images of specs are made anew when their files change. */
  readonly watch?: boolean | undefined;
  readonly onEvent?: ((event: ServeEvent) => void) | undefined;
  /** Called when it listens. */
  readonly onReady?: ((ready: Serving) => void) | undefined;
}

/** What is served, and where. */
export interface Serving {
  /** Host and port, as references name a registry: `localhost:5000`. */
  readonly host: string;
  /** Whether nobody but this machine reaches it. */
  readonly isLocal: boolean;
  readonly images: readonly ServedPlace[];
}

/** An image that is served. */
export interface ServedPlace {
  /** The path of its spec or its project, or its place. */
  readonly given: string;
  readonly repository: string;
  /** Its tags, as far as they are known before it is made; `latest` is always one. */
  readonly tags: readonly string[];
}

const NO_COMPRESSION: CompressionChoice = { algorithm: "none" };

/**
 * Serves images until its signal ends that. Specs are read at once, and built when somebody asks for them; images elsewhere are opened
 * at once, and their layers read when somebody asks for those.
 * @param given - paths of specs and projects' folders, and places of images
 * @throws VarveError `USAGE` for two images of one name, `CANNOT_LISTEN`; what reading specs, and opening images, throws
 */
export async function serve(given: readonly string[], options: ServeOptions): Promise<void> {
  await operate(options, async (operation) => {
    const { listen, watch = false, signal, onReady, onEvent } = options;
    await using resources = new Resources();
    const served: Served[] = [];
    for (const one of given) {
      const open = (await isSpecPath(one)) ? ofSpec : ofPlace;
      const opened = await open(one, operation, options);
      resources.use(opened.image);
      const same = served.find(({ image }) => image.repository === opened.image.repository);
      if (same !== undefined) throw sameName(opened, same);
      served.push(opened);
    }
    const onError = (error: unknown) => onEvent?.({ image: "", kind: "failed", error, isStale: false });
    const server = resources.use(
      await servePulls(pullSideOf(served.map(({ image }) => image)), { listen, onError }),
    );
    const images = served.map(({ given, image, tags }) => ({ given, repository: image.repository, tags }));
    onReady?.({ host: server.host, isLocal: server.isLocal, images });
    const ended = new AbortController();
    signal?.addEventListener("abort", () => ended.abort());
    if (signal?.aborted) ended.abort();
    const watches = watch ? served.flatMap((each) => each.watch?.(ended.signal) ?? []) : [];
    if (!ended.signal.aborted) {
      await new Promise((resolve) => ended.signal.addEventListener("abort", resolve));
    }
    await Promise.all(watches);
  });
}

interface Served {
  readonly given: string;
  readonly image: ServedImage;
  readonly tags: readonly string[];
  /** Makes the image anew when its files change, until it is told to end. */
  readonly watch?: (signal: AbortSignal) => Promise<void>;
}

function sameName(one: Served, other: Served): VarveError {
  const { repository } = one.image;
  return new VarveError(
    "USAGE",
    `${one.given} and ${other.given} would both be served as ${repository}; serve one of them with another varve serve --listen`,
  );
}

/** The image of a spec or a project. */
async function ofSpec(given: string, operation: Operation, options: ServeOptions): Promise<Served> {
  const { onEvent } = options;
  const open = () => openSource(given, operation);
  const { spec } = await open();
  const { repository, tag } = ownName(parseReference(`${spec.name}:${spec.tag ?? LATEST}`));
  let watched = watchedPaths(given, spec);
  const image: ServedImage = new ServedImage({
    repository,
    async make({ distrust }) {
      const source = await open();
      watched = watchedPaths(given, source.spec);
      const onGraph = (graph: ReferencesGraph) => {
        watched = watchedPaths(given, source.spec, graph);
      };
      const made = await makeOfSpec(source, { operation, options, distrust, onGraph });
      onEvent?.({ image: repository, kind: "made", digest: made.digest, tags: made.tags });
      return made;
    },
    onFailure: (error, { isStale }) => onEvent?.({ image: repository, kind: "failed", error, isStale }),
  });
  return {
    ...{ given, image, tags: spec.tag === undefined ? [LATEST] : withLatest([tag]) },
    watch: (signal) =>
      watchFiles(() => watched, {
        signal,
        async onChange(path) {
          // What nobody has asked for isn't built.
          if (!image.isWanted) return;
          onEvent?.({ image: repository, kind: "changed", path });
          await image.renew();
        },
      }),
  };
}

interface MakeOptions {
  readonly operation: Operation;
  readonly options: ServeOptions;
  readonly distrust: boolean;
}

async function makeOfSpec(
  source: SpecSource,
  { operation, options, distrust, onGraph }: MakeOptions & { onGraph: (graph: ReferencesGraph) => void },
): Promise<MadeImage> {
  const { machine } = operation;
  await using resources = new Resources();
  const known = resources.use(await openOnBase(source, operation, options));
  const { spec, base } = known;
  const made = await againIfStale(
    async () => {
      const inspection = options.check === false ? undefined : specInspection(spec, { operation, base });
      const draft = resources.use(
        await draftImage(spec, {
          ...inputs(operation, options),
          ...known,
          base: (base && inspection?.image(base)) ?? base,
        }),
      );
      onGraph(draft.graph);
      return await collect(saying(inspection?.draft(draft) ?? draft, saidOf(options.compression)), {
        ...{ operation, options, distrust },
        examine: inspection && (async ({ config }) => examine(await inspection.findings(config), options)),
      });
    },
    { machine, onNote: options.onNote },
  );
  const held = resources.move();
  return { ...made, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

/** Puts together what an image has, with what the cache knows of its blobs. */
async function collect(
  draft: ImageDraft,
  {
    operation: { machine, signal },
    options: { compression = NO_COMPRESSION },
    distrust,
    examine,
  }: MakeOptions & Pick<Parameters<typeof writeImage>[2] & object, "examine">,
) {
  const { cache, temporary, maxSpool } = machine;
  const collected = emptyCollection();
  const sink = collectingSink("the image", collected, { temporary, maxSpool });
  const [written] = await writeImage(draft, [sink], {
    ...{ compression, examine, signal },
    known: cache && !distrust ? knownBlobs(cache) : undefined,
  });
  const { descriptor, names } = written!;
  return {
    collected,
    sink,
    digest: descriptor.digest,
    tags: withLatest(names.map((name) => nameIn(name).tag)),
  };
}

/** An image that is somewhere, with the index that it is chosen from. */
async function ofPlace(given: string, operation: Operation, options: ServeOptions): Promise<Served> {
  await using resources = new Resources();
  const source = resources.use(await operation.machine.transports.source(given));
  const image = await source.read(operation.read);
  const { repository, tags } = namesOf(given, image);
  const held = resources.move();
  const served = new ServedImage({
    repository,
    make: async ({ distrust }) => ({
      ...(await makeOfPlace(source, image, { operation, options, distrust })),
      tags,
      async [Symbol.asyncDispose]() {},
    }),
    onFailure: (error, { isStale }) =>
      options.onEvent?.({ image: repository, kind: "failed", error, isStale }),
  });
  const close = served[Symbol.asyncDispose].bind(served);
  served[Symbol.asyncDispose] = async () => {
    await close();
    await held[Symbol.asyncDispose]();
  };
  return { given, image: served, tags };
}

async function makeOfPlace(source: ImageSource, image: Image, making: MakeOptions) {
  const { collected, sink, digest } = await collect(draftOf(image), making);
  const { index } = image;
  if (index === undefined) return { collected, digest };
  addManifest(collected, index);
  const { signal } = making.operation;
  return {
    ...{ collected, digest: index.descriptor.digest },
    async add(digest: string) {
      const entry = index.value.manifests.find((manifest) => manifest.digest === digest);
      if (entry === undefined || source.readEntry === undefined) return;
      const read = await source.readEntry(entry, signal);
      await writeImage(draftOf(read), [sink], { compression: NO_COMPRESSION, signal });
    },
  };
}
