/** What an image is besides its layers: plain data, from which its config and its names follow once the layers are known. */
import {
  type FinishedDraft,
  type Image,
  type Inherit,
  inheritConfig,
  type Layer,
  type NewConfig,
  newConfig,
} from "#image";
import { LAYOUT_ANNOTATION } from "#layering";
import { type ContainerConfig, type HistoryEntry, hexOf } from "#oci";
import type { ImageSpec } from "#spec";
import { layerComments } from "#write";
import type { DraftOptions } from "./options.ts";

/** How many digits of the config's digest become the tag of an image that was given no tag. */
const DERIVED_TAG_LENGTH = 32;

/** All that an image's config and names follow from, but for its layers. */
export interface ImageParts {
  /** In lower case. */
  readonly name: string;
  /** Without one the tag is derived from the config's digest. */
  readonly tag?: string | undefined;
  readonly config: Omit<NewConfig, "baseLayers">;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Those of the image that a spec asks for. */
export function partsOf(
  spec: ImageSpec,
  {
    base,
    architecture,
    now,
    config,
    layoutText,
  }: Pick<DraftOptions, "base" | "architecture" | "now"> & {
    readonly config: ContainerConfig;
    readonly layoutText: string | undefined;
  },
): ImageParts {
  return {
    name: nameOf(spec),
    ...(spec.tag !== undefined && { tag: spec.tag }),
    config: {
      architecture: spec.architecture ?? base?.config.value.architecture ?? architecture,
      created: timeOf(spec.created, now).toISOString().replace(".000Z", "Z"),
      config,
      baseHistory: base === undefined ? [] : historyOf(base, spec.inherit),
    },
    annotations: {
      ...(base === undefined ? {} : baseAnnotations(base)),
      ...(layoutText === undefined ? {} : { [LAYOUT_ANNOTATION]: layoutText }),
      ...spec.annotations,
    },
  };
}

/** The config, names and annotations of the image that has these layers. */
export function finishParts(
  { name, tag: given, config: parts, annotations }: ImageParts,
  layers: readonly Pick<Layer, "diffId" | "components">[],
  baseLayers: number,
): FinishedDraft {
  const config = newConfig({ ...parts, baseLayers }, layers);
  const tag = given ?? hexOf(config.descriptor.digest).slice(0, DERIVED_TAG_LENGTH);
  return { config, names: [`${name}:${tag}`], annotations };
}

/** How a container of the image is run: what the spec says overrides what is taken from the base. */
export function configOf(spec: ImageSpec, base: Image | undefined): ContainerConfig {
  const labels = { ...spec.config.Labels, ...spec.labels };
  const own = { ...spec.config, ...(Object.keys(labels).length > 0 ? { Labels: labels } : {}) };
  return inheritConfig(base?.config.value.config ?? {}, own as ContainerConfig, spec.inherit);
}

/** Where the base came from: OCI image specification, annotations.md, "Pre-Defined Annotation Keys". */
function baseAnnotations({ names, manifest }: Image): Record<string, string> {
  const [name] = names;
  return {
    ...(name === undefined ? {} : { "org.opencontainers.image.base.name": name }),
    ...(manifest === undefined ? {} : { "org.opencontainers.image.base.digest": manifest.descriptor.digest }),
  };
}

/** Docker wants names in lower case, and dockerTools makes them so. */
export function nameOf({ name }: ImageSpec): string {
  return name.toLowerCase();
}

/** The base's part of the history, with an entry for each layer: the base's own history, or plain entries where that isn't wanted. */
function historyOf(base: Image, inherit: Inherit): readonly HistoryEntry[] {
  const history = base.config.value.history ?? [];
  const complete = layerComments(base.config.value).length === base.layers.length;
  return complete && inherit === "all"
    ? history
    : base.layers.map(() => ({ comment: "a layer of the base image" }));
}

export function timeOf(text: string, now: Date): Date {
  return text === "now" ? now : new Date(text);
}
