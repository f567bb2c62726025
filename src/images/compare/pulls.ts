/** What engines do for an image when they have another one, layer by layer. */

/** Layers of an image, those that an engine fetches or unpacks. */
export interface Pulls<T> {
  /** What is fetched by those that know layers by themselves: podman, containerd, and the Docker Engine with the containerd image store. */
  readonly byThemselves: readonly T[];
  /**
   * The lowest layer that isn't there, and all above it: what the Docker Engine fetches with a classic graph driver, which knows a layer
   * together with all below it. It is what every engine unpacks, since each keeps layers on top of those below them.
   */
  readonly fromLowest: readonly T[];
}

/**
 * What is pulled of an image.
 * @param layers from the bottom up
 * @param isMissing whether a layer isn't there, by itself or at its place
 */
export function pullsOf<T>(layers: readonly T[], isMissing: (layer: T, at: number) => boolean): Pulls<T> {
  const lowest = layers.findIndex(isMissing);
  return {
    byThemselves: layers.filter(isMissing),
    fromLowest: lowest === -1 ? [] : layers.slice(lowest),
  };
}
