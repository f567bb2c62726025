import { VarveError } from "#errors";

/** What Docker's storage drivers are sure to mount, with some to spare for later images on top. */
export const DEFAULT_MAX_LAYERS = 100;

/** How many layers components may have, once the others an image needs are taken off. */
export interface LayerBudget {
  /** All layers of the image, at most. */
  readonly maxLayers: number;
  /** Those that are not for components: the base image's, and the customisation layer. */
  readonly usedLayers: number;
  /** Those that are for components: at least 1. */
  readonly available: number;
}

/**
 * Shares an image's layers out. The base image's come first and one is for the customisation layer; components
 * have what is left.
 *
 * @param maxLayers - all layers of the image at most; an integer over 1, by default {@link DEFAULT_MAX_LAYERS}.
 * @param baseLayers - how many layers the base image has; none without one.
 * @throws {VarveError} USAGE if `maxLayers` isn't such a number; NO_LAYERS_LEFT if components would have no layer.
 */
export function layerBudget({
  maxLayers = DEFAULT_MAX_LAYERS,
  baseLayers = 0,
}: {
  maxLayers?: number | undefined;
  baseLayers?: number | undefined;
} = {}): LayerBudget {
  if (!Number.isSafeInteger(maxLayers) || maxLayers <= 1) {
    throw new VarveError("USAGE", `maxLayers is ${maxLayers}, but it must be an integer over 1`);
  }
  const usedLayers = baseLayers + 1;
  if (usedLayers >= maxLayers) {
    // Word for word what nixpkgs says, which scripts may look for.
    throw new VarveError(
      "NO_LAYERS_LEFT",
      `usedLayers ${usedLayers} layers to store 'fromImage' and 'extraCommands', but only maxLayers=${maxLayers} were allowed. At least 1 layer is required to store contents.`,
    );
  }
  return { maxLayers, usedLayers, available: maxLayers - usedLayers };
}
