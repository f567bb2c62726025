/** Reads the requests of `nix/`: structured attributes, the JSON file that Nix gives a builder. */
import * as z from "zod";
import { checkSchema, parseJson, readWhole } from "#util";

/** The file holds a references graph, too; no graph that varve reads is larger. */
const MAX_BYTES = 256 * 1024 * 1024;

const Outputs = z.looseObject({ out: z.string().startsWith("/") });

const Layer = z.looseObject({
  outputs: Outputs,
  /** Fields of an image spec. */
  spec: z.record(z.string(), z.unknown()),
  /** Folders with the programs that scripts may use. */
  path: z.array(z.string()),
  /** Whether it is packed as GNU tar does it for nixpkgs. */
  gnuTar: z.boolean(),
});

const Conf = z.looseObject({
  outputs: Outputs,
  imageName: z.string().min(1),
  /** Null for the hash of the output. */
  imageTag: z.string().nullable(),
  created: z.string(),
  mtime: z.string(),
  storeDir: z.string().startsWith("/"),
  fromImage: z.string().nullable(),
  /** A file with the conf's first fields, architecture, config and os; as a file, since Nix finds references in it. */
  baseJson: z.string().startsWith("/"),
  /** A folder with `layer.tar` and `checksum`. */
  customisationLayer: z.string().startsWith("/"),
  /** Store paths that are no part of the image. */
  exclude: z.array(z.string()),
});

const Id = z.union([z.int(), z.string()]);

const StreamConf = Conf.extend({
  uid: Id,
  gid: Id,
  uname: z.string(),
  gname: z.string(),
  /** Null where a pipeline decides. */
  maxLayers: z.int().nullable(),
  /** Operations, or a file with them. */
  pipeline: z.union([z.array(z.unknown()), z.string()]).nullable(),
  /** Folders of layers that are built, from the bottom up. */
  layers: z.array(z.string().startsWith("/")).optional(),
  /** Whether nix-snapshotter mounts the store's paths. */
  snapshotter: z.boolean().optional(),
});

const BuiltLayers = z.looseObject({
  outputs: Outputs,
  uid: z.int().nonnegative(),
  gid: z.int().nonnegative(),
  uname: z.string(),
  gname: z.string(),
  mtime: z.string(),
  storeDir: z.string().startsWith("/"),
  maxLayers: z.int().positive(),
  /** How the layers are kept; `none` for not at all, since the store has their files. */
  compressor: z.enum(["none", "gz", "zstd"]),
  /** Folders of layers whose paths are left out. */
  layers: z.array(z.string().startsWith("/")),
});

const Archive = z.looseObject({ outputs: Outputs, conf: z.string().startsWith("/") });

/** `from` is the image's place. */
const Export = z.looseObject({ outputs: Outputs, from: z.string() });

const SCHEMAS = {
  export: Export,
  layer: Layer,
  conf: StreamConf,
  layers: BuiltLayers,
  image: Conf,
  archive: Archive,
};

/** The arguments of each step. */
export type NixAttributes<Step extends keyof typeof SCHEMAS> = z.output<(typeof SCHEMAS)[Step]> & {
  /** The file that they are from, if it holds a references graph, under `graph`. */
  readonly graphFile: string | undefined;
  /** What the arguments are for, for errors. */
  readonly what: string;
};

/**
 * Reads the structured attributes of a step.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `TOO_LARGE`, `INVALID_SPEC` (naming image and argument)
 */
export async function readNixAttributes<Step extends keyof typeof SCHEMAS>(
  step: Step,
  path: string,
): Promise<NixAttributes<Step>> {
  const bytes = await readWhole(path, { limit: MAX_BYTES });
  const value = parseJson(bytes, { what: path, maxBytes: MAX_BYTES });
  const { imageName, graph } = value as { imageName?: unknown; graph?: unknown };
  const what = typeof imageName === "string" ? `the image ${imageName}` : path;
  const attributes = checkSchema<z.output<(typeof SCHEMAS)[Step]>>(
    SCHEMAS[step] as unknown as z.ZodType<z.output<(typeof SCHEMAS)[Step]>>,
    value,
    { code: "INVALID_SPEC", what },
  );
  const graphFile = Array.isArray(graph) ? path : undefined;
  return { ...attributes, graphFile, what } as NixAttributes<Step>;
}
