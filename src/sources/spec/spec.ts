/** The image spec of `varve build`: its fields, which are dockerTools' arguments, and its JSON Schema. */
import { posix } from "node:path";
import * as z from "zod";
import { checkSchema } from "#util";
import { Base } from "./base.ts";
import { Check } from "./check.ts";
import { AnyConfig, Config, StringMap, saidTwice, shortFields, withoutShortForms } from "./config.ts";
import { scriptFields } from "./scripts.ts";
import { strictFields } from "./strict.ts";

/** dockerTools' own default: the first second of 1970, since some tools take zero for "no time". */
const EPOCH = "1970-01-01T00:00:01Z";

const Time = z
  .union([z.literal("now"), z.iso.datetime({ offset: true }), z.iso.date()], {
    error: 'must be an ISO 8601 date, such as 1970-01-01T00:00:01Z, or "now"',
  })
  .describe(
    'An ISO 8601 date, such as 1970-01-01T00:00:01Z, or "now", which makes every build another image.',
  );

const Paths = z
  .union([z.string(), z.array(z.string())], { error: "must be a path or a list of paths" })
  .transform((paths) => (typeof paths === "string" ? [paths] : paths));

const BooleanOrPath = z.union([z.boolean(), z.string().min(1)], { error: "must be true, false or a path" });
const ImagePath = z.union([z.boolean(), z.string().startsWith("/")], {
  error: "must be true, false or an absolute path in the image",
});

const Id = z.int().min(0).max(0xffff_fffe);

const Permission = strictFields({
  path: z
    .string()
    .min(1)
    .describe(
      "Which paths in the image, as a glob: * matches no slash, ** any folders below, files with a dot, too.",
    ),
  mode: z
    .string()
    .regex(/^0?[0-7]{1,4}$/, "must be octal digits, such as 0755")
    .optional()
    .describe("Permission bits in octal digits, such as 0755 or 4755."),
  uid: Id.optional().describe("The owner."),
  gid: Id.optional().describe("The group."),
  mtime: Time.optional(),
  capabilities: z
    .string()
    .optional()
    .describe("File capabilities as setcap takes them, such as cap_net_raw+ep."),
});

const Files = z
  .array(
    strictFields({
      from: z.string().min(1).describe("A file or a folder."),
      to: z
        .string()
        .regex(/^\/+(?!\/*$)/, "must be an absolute path in the image, such as /app")
        .transform((path) => posix.normalize(path).replace(/\/$/, ""))
        .describe("Its absolute path in the image, such as /app."),
    }),
  )
  .min(1);

/** Patterns of `.dockerignore`. */
const Patterns = z.array(z.string().min(1));

const fields = {
  $schema: z.string().optional(),
  name: z.string().min(1).describe("The image's name, such as hello or ghcr.io/me/hello."),
  tag: z
    .string()
    .min(1)
    .optional()
    .describe("The image's tag; by default it is derived from the image's digest."),
  fromImage: Base.optional().describe(
    "The base image: a path or a reference, or a place such as docker://ghcr.io/me/base:1 or oci:folder:tag; scratch for none. Or an object with ref, the same, and verify, which says whose signature it must have.",
  ),
  graph: z
    .string()
    .optional()
    .describe(
      "The references graph of what is in the image: a file in one of Nix's forms, or the folder of a project that npm, pnpm, yarn or bun has installed.",
    ),
  files: Files.optional().describe(
    "Files and folders that are in the image, each with its place, such as what a build has put out: a list of objects with from, a path such as dist, and to, an absolute path in the image such as /app/dist. Packages that are found in them (in node_modules) are components as the graph's are, and the rest is the project's own files. With files and no graph there is nothing else in the image, of a project's folder either; with both, files count before what the graph has at the same place, and earlier files before later ones. What never is in an image stays out of them, and so does what ignore says; .dockerignore has no say here.",
  ),
  omit: z
    .array(z.literal("dev"))
    .default([])
    .describe(
      'What of such a project is left out: "dev" for what it needs for development only. A project\'s own spec has that by default, and with [] nothing is left out.',
    ),
  exclude: z
    .array(z.string())
    .default([])
    .describe("Components of the graph that are left out, by their ids."),
  ignore: Patterns.optional().describe(
    "What stays out of a project's own files, in the patterns of .dockerignore, beside those that the project has there.",
  ),
  include: Patterns.optional().describe(
    "What of a project's own files is in the image although it would stay out, in the same patterns; secrets and the like only by name, such as .env.production.",
  ),
  contents: Paths.default([]).describe(
    "Components whose trees are merged into the image's root, as symbolic links; if two have the same name, the first one wins.",
  ),
  copyToRoot: Paths.default([]).describe(
    "Folders that are copied into the image's root, with their modes; if two have the same name, the last one wins.",
  ),
  keepContentsDirlinks: z
    .boolean()
    .default(false)
    .describe(
      "Whether links to directories in copyToRoot stay links, as with rsync -K; otherwise they become directories.",
    ),
  includeStorePaths: z
    .boolean()
    .default(true)
    .describe("Whether the components are in the image; if not, they have to be mounted."),
  fakeNss: z
    .boolean()
    .default(false)
    .describe("Adds /etc/passwd and /etc/group with root and nobody, /etc/nsswitch.conf and /var/empty."),
  binSh: ImagePath.default(false).describe(
    "Makes /bin/sh a link: to a path in the image, or, if true, to the shell of a component.",
  ),
  usrBinEnv: ImagePath.default(false).describe(
    "Makes /usr/bin/env a link: to a path in the image, or, if true, to a component's bin/env.",
  ),
  caCertificates: BooleanOrPath.default(false).describe(
    "Puts certificates where programs look for them: from a file, or, if true, those of a component.",
  ),
  tmp: z.boolean().default(false).describe("Adds /tmp, which everybody may write to."),
  permissions: z
    .array(Permission)
    .default([])
    .describe(
      "Modes, owners, times and capabilities of single paths; if several rules match a path, the last one wins for each of these.",
    ),
  followBase: z
    .boolean()
    .default(true)
    .describe(
      "Whether files go to where the base's links lead, such as from /bin to /usr/bin; otherwise a directory replaces the link.",
    ),
  ...scriptFields,
  inherit: z
    .enum(["all", "env", "none"])
    .default("all")
    .describe(
      "What is taken over from the base image's config: all, as FROM does; env, the environment only, as dockerTools does; none.",
    ),
  ...shortFields,
  labels: StringMap.default({}).describe("Labels, added to the config's."),
  annotations: StringMap.default({}).describe("Annotations of the image's manifest, if it has one."),
  check: Check.optional().describe("Which findings of varve check are meant to be there."),
  architecture: z
    .string()
    .optional()
    .describe("As Go names it, such as amd64 or arm64; by default this machine's."),
  created: Time.default(EPOCH).describe("When the image says it was made; ISO 8601, or now."),
  mtime: Time.default(EPOCH).describe("The time of every file in the image; ISO 8601, or now."),
  uid: Id.default(0).describe("The owner of every file."),
  gid: Id.default(0).describe("The group of every file."),
  uname: z.string().default("root").describe("The owner's name."),
  gname: z.string().default("root").describe("The group's name."),
  maxLayers: z
    .int()
    .min(2)
    .optional()
    .describe(
      "How many layers the image may have, including the base's; by default 100, and for a Node project 20 besides the base's.",
    ),
  strategy: z
    .enum(["steady", "leader", "auto", "popularity", "largest"])
    .optional()
    .describe(
      "How components are grouped in layers: steady (the default), for layers that survive updates; leader, its predecessor; auto, as dockerTools does; popularity, as dockerTools did until NixOS 25.05; largest.",
    ),
  weights: z
    .union([z.string().min(1), z.record(z.string(), z.int().min(1))], {
      error: "must be a map from keys to whole numbers, or the path of a file with one",
    })
    .optional()
    .describe("How often components change compared with others, by key; a map, or a file with one."),
  layersFrom: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The last build\'s layout, to which the build keeps if that is worth it: a lock file or an image; or "destination" for the image that is now where this one is pushed to, if there is one.',
    ),
  sharedWith: Paths.default([]).describe(
    "Other images of the same registry, or their lock files: layers of theirs that lie wholly in this image are its own, too, so that they are stored and pulled once.",
  ),
  lockFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The file that keeps the layout from build to build, such as layers.lock.json: it is followed, unless layersFrom is given, and then written again.",
    ),
  layeringPipeline: z
    .union([z.string().min(1), z.array(z.unknown())], {
      error: "must be a list of operations, or the path of a file with one",
    })
    .optional()
    .describe("A layering pipeline instead of a strategy, in nixpkgs' form; a list, or a file with one."),
} as const;

/** The schema of a spec that has such a config. */
function specSchema<Run extends typeof Config | typeof AnyConfig>(config: Run) {
  return strictFields({ ...fields, config: config.default({} as never) })
    .describe("An image for varve build.")
    .refine(
      (spec) =>
        spec.layeringPipeline === undefined ||
        (spec.strategy === undefined &&
          spec.weights === undefined &&
          spec.layersFrom === undefined &&
          spec.sharedWith.length === 0),
      {
        path: ["layeringPipeline"],
        error:
          "can't be there together with strategy, weights, layersFrom or sharedWith; leave one of them out",
      },
    )
    .superRefine((spec, context) => {
      const twice = saidTwice(spec);
      if (twice === undefined) return;
      const message = `can't be there together with ${twice.full}, which says the same; leave one of them out`;
      context.addIssue({ code: "custom", path: twice.short.split("."), message });
    })
    .transform(withoutShortForms);
}

const Spec = specSchema(Config);
const SpecOfAnyConfig = specSchema(AnyConfig);

/** A checked spec, every field set that has a default, in the full form. Its paths are absolute. */
export type ImageSpec = z.output<typeof SpecOfAnyConfig>;

/** The spec's JSON Schema, for editors. */
export function specJsonSchema(): object {
  return z.toJSONSchema(Spec, { io: "input" });
}

export interface CheckOptions {
  /** Names the spec in errors. */
  readonly what?: string;
  /** Whether fields of the config that nobody knows are passed on, as nixpkgs does, and not refused. */
  readonly anyConfig?: boolean;
}

/**
 * Checks a spec and fills in its defaults.
 * @throws VarveError `INVALID_SPEC`
 */
export function checkSpec(
  value: unknown,
  { what = "the spec", anyConfig = false }: CheckOptions = {},
): ImageSpec {
  const schema = (anyConfig ? SpecOfAnyConfig : Spec) as typeof SpecOfAnyConfig;
  return checkSchema(schema, value, { code: "INVALID_SPEC", what });
}
