/** The form of jobs: JSON files that any machine can do the work of. */
import * as z from "zod";

/** The version of the form. Raise it when a field gets another meaning. */
export const JOB_VERSION = 1;

const count = z.int().min(0);
const digest = z.string().regex(/^sha(?:256|512):[0-9a-f]{64,128}$/);
const texts = z.record(z.string(), z.string());

const descriptor = z.strictObject({
  mediaType: z.string(),
  digest,
  size: count,
  annotations: texts.optional(),
});

const tree = z.strictObject({
  /** Where it is, from the root of the files, or absolute for what is at the same place on each machine. */
  tree: z.string(),
  at: z.string(),
  exclude: z.array(z.string()).optional(),
  modes: z.enum(["keep", "portable"]).optional(),
  narHash: z.string().optional(),
  /** The hash of what is in it; absent where its NAR hash says that. */
  content: digest.optional(),
  files: texts.optional(),
});

const entry = z.strictObject({
  entry: z.strictObject({
    name: z.string(),
    type: z.string(),
    mode: count,
    linkname: z.string().optional(),
    uid: count.optional(),
    gid: count.optional(),
    uname: z.string().optional(),
    gname: z.string().optional(),
    mtime: z.number().optional(),
    devmajor: count.optional(),
    devminor: count.optional(),
    pax: z.array(z.tuple([z.string(), z.string()])).optional(),
  }),
  /** In base64. */
  content: z.string().optional(),
  implied: z.boolean().optional(),
});

const permission = z.strictObject({
  path: z.strictObject({ source: z.string(), flags: z.string() }),
  mode: count.optional(),
  uid: count.optional(),
  gid: count.optional(),
  mtime: z.number().optional(),
  capabilities: z.string().optional(),
});

export const recipeShape = z.strictObject({
  owner: z.strictObject({ uid: count, gid: count, uname: z.string(), gname: z.string() }),
  mtime: z.int(),
  modes: z.enum(["keep", "portable"]),
  verbatim: z.boolean().optional(),
  permissions: z.array(permission).optional(),
  items: z.array(z.union([tree, entry])),
});

export const outcomeShape = z.strictObject({
  mediaType: z.string(),
  compression: z.strictObject({
    algorithm: z.enum(["none", "gzip", "zstd", "zstd:chunked", "zstd-pinned"]),
    level: z.int().optional(),
    /** What compresses, such as `zlib 1.3.1`; absent where nothing does. */
    library: z.string().optional(),
  }),
});

/** How a spec is planned again, for the layer that its scripts make. */
export const specShape = z.strictObject({
  /** A spec or a project's folder, from the root of the files. */
  path: z.string(),
  /** Fields that take the place of its own. */
  fields: z.record(z.string(), z.unknown()),
  platform: z.string().optional(),
  libc: z.enum(["glibc", "musl"]).optional(),
});

const common = {
  varveJob: z.literal(JOB_VERSION),
  /** What the result is known by: a hash of all that it depends on. */
  key: z.string().regex(/^[0-9a-f]{64}$/),
  image: z.string(),
  components: z.array(z.string()),
  /** What comes out. */
  result: outcomeShape,
};

export const layerJobShape = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("layer"), ...common, recipe: recipeShape }),
  z.strictObject({
    kind: z.literal("scripts"),
    ...common,
    /** What lies in the layer before the scripts run, and what comes after them. */
    recipe: recipeShape,
    after: recipeShape.optional(),
    scripts: z.record(z.string(), z.unknown()),
    /** Of the base's config, which the scripts see with its root. */
    base: digest.optional(),
    spec: specShape,
  }),
]);

const historyEntry = z.record(z.string(), z.unknown());

export const imageJobShape = z.strictObject({
  varveJob: z.literal(JOB_VERSION),
  kind: z.literal("image"),
  name: z.string(),
  tag: z.string().optional(),
  /** From the bottom up, the base's first. */
  base: z
    .strictObject({
      /** Where it is; in a registry, by its digest. */
      place: z.string(),
      platform: z.string(),
      origin: z.strictObject({ registry: z.string(), repository: z.string() }).optional(),
      layers: z.array(z.strictObject({ ...descriptor.shape, diffId: digest, keep: z.boolean().optional() })),
    })
    .optional(),
  layers: z.array(z.strictObject({ job: z.string(), key: z.string() })),
  config: z.strictObject({
    architecture: z.string(),
    created: z.string(),
    config: z.record(z.string(), z.unknown()),
    baseHistory: z.array(historyEntry),
  }),
  annotations: texts,
  /** What the manifest says of the compression that was chosen. */
  said: z.string().optional(),
});

/** What `varve layer` has made. */
export const layerResultShape = z.strictObject({
  varveJob: z.literal(JOB_VERSION),
  kind: z.literal("result"),
  key: common.key,
  descriptor,
  diffId: digest,
  /** The repository that has the blob, with its registry; absent if it was sent nowhere. */
  repository: z.string().optional(),
});

export type RecipeJson = z.output<typeof recipeShape>;
export type Outcome = z.output<typeof outcomeShape>;
export type LayerJob = z.output<typeof layerJobShape>;
export type ImageJob = z.output<typeof imageJobShape>;
export type LayerResult = z.output<typeof layerResultShape>;
export type JobSpec = z.output<typeof specShape>;
