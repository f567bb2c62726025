/** The config of a new image: OCI image specification, config.md. */
import {
  type ContainerConfig,
  encodeDocument,
  type HistoryEntry,
  type ImageConfig,
  MediaType,
  type RawDocument,
} from "#oci";
import { arePackages, componentsComment } from "./history.ts";
import type { Layer } from "./layer.ts";

export interface NewConfig {
  readonly architecture: string;
  /** RFC 3339. */
  readonly created: string;
  readonly config: ContainerConfig;
  /** The base's history, one entry for each of its layers at the least. */
  readonly baseHistory: readonly HistoryEntry[];
  /** How many of the layers are the base's. */
  readonly baseLayers: number;
}

/** The config document over these layers, the base's first. */
export function newConfig(
  { architecture, created, config, baseHistory, baseLayers }: NewConfig,
  layers: readonly Pick<Layer, "diffId" | "components">[],
): RawDocument<ImageConfig> {
  const added = layers.slice(baseLayers).map(({ components }) => ({
    // When a package's layer was made nobody asks, and the config goes with every push.
    ...(arePackages(components) ? {} : { created }),
    created_by: "varve",
    comment: componentsComment(components),
  }));
  const value: ImageConfig = {
    created,
    architecture,
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: [...baseHistory, ...added],
  };
  return encodeDocument(value, MediaType.ociConfig);
}
