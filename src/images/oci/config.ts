import * as z from "zod";
import { VarveError } from "#errors";
import { parseJson } from "#util";
import { type Digest, parseDigest } from "./digest.ts";
import {
  checkShape,
  type DocumentOrigin,
  MAX_CONFIG_BYTES,
  type RawDocument,
  rawDocument,
  specificType,
} from "./document.ts";
import { MediaType } from "./media-types.ts";

/** How a container of the image is run: OCI image specification, config.md, "config". Docker writes null for what is unset. */
export interface ContainerConfig {
  readonly User?: string | null;
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, unknown>> | null;
  readonly WorkingDir?: string | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string | null;
  readonly ArgsEscaped?: boolean | null;
  readonly Shell?: readonly string[] | null;
  readonly OnBuild?: readonly string[] | null;
  readonly Healthcheck?: Readonly<Record<string, unknown>> | null;
  readonly [other: string]: unknown;
}

/** One step that made the image: OCI image specification, config.md, "history". */
export interface HistoryEntry {
  readonly created?: string | null;
  readonly created_by?: string | null;
  readonly author?: string | null;
  readonly comment?: string | null;
  /** True for a step that made no layer. */
  readonly empty_layer?: boolean | null;
  readonly [other: string]: unknown;
}

/** An image's config: OCI image specification, config.md. Unknown fields are kept. */
export interface ImageConfig {
  readonly created?: string | null;
  readonly author?: string | null;
  readonly architecture: string;
  readonly variant?: string | null;
  readonly os: string;
  readonly "os.version"?: string | null;
  readonly "os.features"?: readonly string[] | null;
  readonly config?: ContainerConfig | null;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly HistoryEntry[] | null;
  readonly [other: string]: unknown;
}

const text = z.string().nullish();
const texts = z.array(z.string()).nullish();
const set = z.record(z.string(), z.unknown()).nullish();

const configShape = z.looseObject({
  created: text,
  author: text,
  architecture: z.string(),
  variant: text,
  os: z.string(),
  "os.version": text,
  "os.features": texts,
  config: z
    .looseObject({
      User: text,
      ExposedPorts: set,
      Env: texts,
      Entrypoint: texts,
      Cmd: texts,
      Volumes: set,
      WorkingDir: text,
      Labels: z.record(z.string(), z.string()).nullish(),
      StopSignal: text,
      ArgsEscaped: z.boolean().nullish(),
      Shell: texts,
      OnBuild: texts,
      Healthcheck: set,
    })
    .nullish(),
  rootfs: z.looseObject({ type: z.literal("layers"), diff_ids: z.array(z.string()) }),
  history: z
    .array(
      z.looseObject({
        created: text,
        created_by: text,
        author: text,
        comment: text,
        empty_layer: z.boolean().nullish(),
      }),
    )
    .nullish(),
});

/**
 * Reads an image config. The descriptor has the media type given, `application/vnd.oci.image.config.v1+json` unless.
 * @throws VarveError `INVALID_JSON`, `TOO_LARGE`, `INVALID_MANIFEST`, `INVALID_DIGEST`.
 */
export function parseImageConfig(
  bytes: Uint8Array,
  { what, mediaType, digest }: DocumentOrigin,
): RawDocument<ImageConfig> {
  const value = parseJson(bytes, { what, maxBytes: MAX_CONFIG_BYTES });
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new VarveError("INVALID_MANIFEST", `${what} is not a JSON object`);
  }
  const object = withDiffIds(value as Record<string, unknown>);
  checkShape(configShape, object, what);
  const config = object as unknown as ImageConfig;
  for (const [index, diffId] of config.rootfs.diff_ids.entries()) {
    parseDigest(diffId, `${what}: rootfs.diff_ids[${index}]`);
  }
  return rawDocument(bytes, config, { mediaType: specificType(mediaType) ?? MediaType.ociConfig, digest });
}

/** Docker leaves `diff_ids` out, or writes null, when an image has no layers. */
function withDiffIds(config: Record<string, unknown>): Record<string, unknown> {
  const rootfs = config["rootfs"];
  if (typeof rootfs !== "object" || rootfs === null) return config;
  if (((rootfs as Record<string, unknown>)["diff_ids"] ?? null) !== null) return config;
  return { ...config, rootfs: { ...rootfs, diff_ids: [] } };
}
