import { VarveError } from "#errors";

/** So many layers Docker's storage drivers can surely mount, with some to spare for later images on top. */
export const DEFAULT_MAX_LAYERS = 100;

/**
 * So many layers of its own a Node project's image has at most, unless more or fewer are asked for: docs/layering.md has the
 * figures. With a base of many layers there are fewer, so that all are no more than {@link DEFAULT_MAX_LAYERS}.
 */
export const DEFAULT_PROJECT_LAYERS = 20;

/** How many layers remain for components, after the other layers of the image. */
export interface LayerBudget {
  /** How many layers the image may have in all. */
  readonly maxLayers: number;
  /** The layers that aren't for components: the base image's, and the customisation layer if there is one. */
  readonly usedLayers: number;
  /** The layers that are for components: at least 1. */
  readonly available: number;
}

/**
 * Divides an image's layers up. The base image's layers are taken off first, and one for the customisation layer; the rest is
 * for components.
 *
 * @param maxLayers - how many layers the image may have; an integer greater than 1, by default {@link DEFAULT_MAX_LAYERS}.
 * @param baseLayers - how many layers the base image has; none without one.
 * @param isCustomised - whether there is a customisation layer: yes, unless it is known that there is none.
 * @throws VarveError USAGE if `maxLayers` isn't such a number; NO_LAYERS_LEFT if components would have no layer.
 */
export function layerBudget({
  maxLayers = DEFAULT_MAX_LAYERS,
  baseLayers = 0,
  isCustomised = true,
}: {
  maxLayers?: number | undefined;
  baseLayers?: number | undefined;
  isCustomised?: boolean | undefined;
} = {}): LayerBudget {
  if (!Number.isSafeInteger(maxLayers) || maxLayers <= 1) {
    throw new VarveError("USAGE", `maxLayers is ${maxLayers}, but it must be an integer over 1`);
  }
  const usedLayers = baseLayers + (isCustomised ? 1 : 0);
  if (usedLayers >= maxLayers) {
    // Word for word the message of nixpkgs, since scripts may look for it.
    throw new VarveError(
      "NO_LAYERS_LEFT",
      `usedLayers ${usedLayers} layers to store 'fromImage' and 'extraCommands', but only maxLayers=${maxLayers} were allowed. At least 1 layer is required to store contents.`,
    );
  }
  return { maxLayers, usedLayers, available: maxLayers - usedLayers };
}
