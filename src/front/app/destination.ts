/** Where an image is going to be, which may be where the last one is. */
import { VarveError } from "#errors";
import { DESTINATION, type ImageSpec } from "#spec";
import type { Target } from "./places.ts";

/**
 * The first reference in a registry that an image goes to; undefined if its spec doesn't ask for it.
 * @throws VarveError `USAGE` if the spec does, and there is none
 */
export function destinationOf(
  { layersFrom }: Pick<ImageSpec, "layersFrom">,
  to: readonly Target[],
): string | undefined {
  if (layersFrom !== DESTINATION) return undefined;
  const place = to.find(
    (target): target is string => typeof target === "string" && target.startsWith("docker://"),
  );
  if (place !== undefined) return place;
  throw new VarveError(
    "USAGE",
    'layersFrom is "destination", but the image goes to no registry; push it to one, or take another layout',
  );
}
