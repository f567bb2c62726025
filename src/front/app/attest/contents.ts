/** What is in an image that varve has made of a graph, or that is somewhere. */
import { type BomPart, type BomSubject, graphParts, inventoryParts } from "#attest";
import type { DigestCache } from "#cache";
import type { ReferencesGraph } from "#graph";
import type { Image, Layer } from "#image";
import { type Digest, formatPlatform } from "#oci";
import { projectFolder } from "#plan";
import { installedIn } from "./inventory.ts";

interface Context {
  readonly cache: DigestCache | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What is in an image, as its own files tell it. */
export async function imageParts({ layers }: Pick<Image, "layers">, context: Context): Promise<BomPart[]> {
  const inventory = await installedIn(layers, context);
  return inventoryParts(
    inventory,
    layers.map(({ diffId }) => diffId),
  );
}

/** An image that was made of a graph. */
export interface BuiltContents {
  readonly graph: ReferencesGraph;
  /** All layers, the base's first. */
  readonly layers: readonly Layer[];
  readonly base: Pick<Image, "layers"> | undefined;
  readonly workingDir: string | null | undefined;
}

/**
 * What is in an image that was made of a graph: the graph's components as the graph knows them, and what the base's layers and
 * those without components have installed.
 */
export async function builtParts(
  { graph, layers, base, workingDir }: BuiltContents,
  context: Context,
): Promise<BomPart[]> {
  const own = layers.slice(base?.layers.length ?? 0);
  const places = new Map(
    own.flatMap(({ components, diffId }) => components.map((id) => [id, diffId] as const)),
  );
  const known = graphParts(graph, { layers: places, root: projectFolder({ workingDir, app: graph.app }) });
  // Scripts may have installed something, in the root or beside the components.
  const others = own.filter(({ components }) => components.length === 0 || own.length === 1);
  const found = await imageParts({ layers: [...(base?.layers ?? []), ...others] }, context);
  const taken = new Set(known.map(({ place }) => place));
  return [
    ...known,
    ...found.filter(
      ({ place, type }) => type === "operating-system" || !taken.has(place) || place === undefined,
    ),
  ];
}

/** What documents call an image: what it calls itself, since where it is has nothing to do with what it is. */
export function subjectOf(
  {
    config,
    annotations = {},
  }: Pick<Image, "config"> & { annotations?: Readonly<Record<string, string>> | undefined },
  digest: Digest,
): BomSubject {
  const { created, os, architecture, variant } = config.value;
  const title = "org.opencontainers.image.title";
  const name = annotations[title] ?? config.value.config?.Labels?.[title];
  return {
    ...{ name: name || "image", digest, config: config.descriptor.digest },
    platform: formatPlatform({ os, architecture, ...(variant ? { variant } : {}) }),
    created: created ?? undefined,
  };
}
