/** Finds what changed between two images, and what it costs to send and to pull the change. */

import type { Image, Layer } from "#image";
import { layerCompression } from "#oci";
import { compareConfigs, isBaseChanged } from "./config.ts";
import { describeGone, describeLayer, type Findings } from "./layers.ts";
import { matchComponents, pairLayers } from "./match.ts";
import { pullsOf } from "./pulls.ts";
import { type LayerFacts, readLayerFacts } from "./read.ts";
import type { GoneLayer, ImageComparison, LayerComparison, LayerCost } from "./types.ts";

/**
 * Compares two images. Layers are known by their diff IDs; only those that one image alone has are read, each once.
 * @param source the image that a registry or client already has
 * @param target the image that it should get
 * @throws VarveError whatever reading layers throws: `INVALID_TAR`, `DIGEST_MISMATCH`, …
 */
export async function compareImages(
  source: Image,
  target: Image,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<ImageComparison> {
  const before = await readLayersMissingIn(target, source, signal);
  const now = await readLayersMissingIn(source, target, signal);
  const matches = matchComponents([...before.values()], [...now.values()]);
  const pairs = pairLayers([...before.values()], [...now.values()], matches);
  const findings: Findings = { source: before, matches, pairs };
  const stock = new Stock(source);
  const layers = target.layers.map((layer, index): LayerComparison => {
    const facts = now.get(index);
    const common = { ...brief(layer, index), sent: stock.lacks(layer) };
    if (facts === undefined) {
      const state = common.sent ? "recompressed" : "same";
      return { ...common, state, from: stock.indexOf(layer, index), reasons: [], changes: [] };
    }
    const from = pairs.fromTarget.get(index);
    return {
      ...common,
      state: from === undefined ? "new" : "changed",
      ...(from === undefined ? {} : { from }),
      ...describeLayer(facts, findings),
    };
  });
  const gone = [...before.values()]
    .filter(({ index }) => !pairs.fromSource.has(index))
    .map(
      (facts): GoneLayer => ({
        ...brief(source.layers[facts.index]!, facts.index),
        changes: describeGone(facts, matches),
      }),
    );
  const baseChanged = isBaseChanged(source, target);
  return {
    layers,
    gone,
    configDiffers: source.config.descriptor.digest !== target.config.descriptor.digest,
    config: compareConfigs(source, target),
    ...(baseChanged === undefined ? {} : { baseChanged }),
    cost: costOf(layers, { source, target, stock }),
  };
}

/** Reads the layers of an image whose content another doesn't have. */
async function readLayersMissingIn(
  other: Image,
  image: Image,
  signal: AbortSignal | undefined,
): Promise<Map<number, LayerFacts>> {
  const known = new Set(other.layers.map(({ diffId }) => diffId));
  const facts = new Map<number, LayerFacts>();
  for (const [index, { diffId }] of image.layers.entries()) {
    if (!known.has(diffId)) facts.set(index, await readLayerFacts(image, index, signal));
  }
  return facts;
}

function brief({ descriptor, diffId }: Layer, index: number) {
  return { index, digest: descriptor.digest, diffId, size: descriptor.size };
}

/** The layers that needn't be sent to someone who has the source. */
class Stock {
  readonly #layers: readonly Layer[];
  readonly #digests: ReadonlySet<string>;

  constructor({ layers }: Image) {
    this.#layers = layers;
    this.#digests = new Set(layers.map(({ descriptor }) => descriptor.digest));
  }

  lacks({ descriptor, diffId }: Layer): boolean {
    if (this.#digests.has(descriptor.digest)) return false;
    const same = this.#layers.filter((layer) => layer.diffId === diffId);
    // One that isn't compressed yet will most likely be compressed to the same blob.
    const open = [descriptor, ...same.map((layer) => layer.descriptor)].some(isUncompressed);
    return same.length === 0 || !open;
  }

  /** Where the source has a layer's content; at the same position, if it can be. */
  indexOf({ diffId }: Layer, index: number): number {
    if (this.#layers[index]?.diffId === diffId) return index;
    return this.#layers.findIndex((layer) => layer.diffId === diffId);
  }
}

function isUncompressed({ mediaType }: Layer["descriptor"]): boolean {
  return layerCompression(mediaType) === "none";
}

interface Compared {
  readonly source: Image;
  readonly target: Image;
  readonly stock: Stock;
}

function costOf(
  layers: readonly LayerComparison[],
  { source, target, stock }: Compared,
): ImageComparison["cost"] {
  const sent = sum(layers.filter((layer) => layer.sent));
  const isOther = (index: number) => source.layers[index]?.diffId !== target.layers[index]!.diffId;
  // It finds a layer by the blob's digest, and then by the chain of all diff IDs up to it.
  const isMissing = (index: number) => isOther(index) || stock.lacks(target.layers[index]!);
  return {
    total: sum(layers),
    sent,
    pulled: sent,
    pulledByGraphDriver: sum(pullsOf(layers, ({ index }) => isMissing(index)).fromLowest),
    documents: documentBytes(source, target),
    extracted: sum(pullsOf(layers, ({ index }) => isOther(index)).fromLowest, "each"),
    uncompressed: layers.some(({ sent, index }) => sent && isUncompressed(target.layers[index]!.descriptor)),
  };
}

/** Of the config and the manifest, each if it is another one. */
function documentBytes(source: Image, target: Image): number {
  const pairs = [
    [source.config, target.config],
    [source.manifest, target.manifest],
  ] as const;
  return pairs.reduce((sum, [before, now]) => {
    const isOther = now !== undefined && before?.descriptor.digest !== now.descriptor.digest;
    return sum + (isOther ? now.descriptor.size : 0);
  }, 0);
}

/** A blob counts once even if several layers use it, but each layer is unpacked by itself. */
function sum(layers: readonly LayerComparison[], count: "once" | "each" = "once"): LayerCost {
  const counted =
    count === "each" ? layers : [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
  return { layers: counted.length, bytes: counted.reduce((total, { size }) => total + size, 0) };
}
