/** What is said of images for several platforms that were built, and the index over them. */
import type { BuiltIndex, BuiltPlatform } from "#app";
import { counted, formatBytes, table } from "#report";
import { duration } from "./duration.ts";
import { nextLines, type Running } from "./place.ts";
import { indexLines, indexSentence, layerLines, outcomeOf, total } from "./summary.ts";

/** An index that was built, with what is known of its images. */
export interface SummarisedIndex extends BuiltIndex, Pick<Running, "needsBase"> {}

/**
 * Lines about an index that was built: one for each platform, and at most three if it is at one place.
 * @param seconds how long that took
 */
export function platformLines({ images, places, needsBase }: SummarisedIndex, seconds: number): string[] {
  const [, ...rows] = table(["", "", "", "", ""], images.map(rowOf), [
    ...(["left", "right", "right", "right", "left"] as const),
  ]).split("\n");
  const lines = rows.map((row) => `  ${row}`);
  const [only] = places;
  if (only === undefined || places.length > 1) {
    const each = places.map((place) => `${indexSentence(place)}, ${place.digest}`);
    return [...lines, ...each, `Took ${duration(seconds)}`];
  }
  const [image] = images;
  const written = only.images[0];
  const next =
    image === undefined || written === undefined
      ? []
      : nextLines({ ...written, destination: only.destination }, { ports: image.ports, needsBase });
  return [...lines, ...indexLines(only, seconds), ...next];
}

/** A line for each layer of each image, by platform. */
export function platformLayerLines({ images }: BuiltIndex): string[] {
  return images.flatMap((image) => [`${image.platform}:`, ...layerLines(image)]);
}

/** The platform, with the layers, packages and bytes of its image. */
function rowOf({ platform, contents, places }: BuiltPlatform): string[] {
  const [place] = places;
  const names = contents.flatMap(({ kind, names }) => (kind === "app" ? names.slice(1) : names));
  const isNix = contents.some(({ kind }) => kind === "store paths");
  const packages = names.length === 0 ? "" : counted(names.length, isNix ? "path" : "package");
  if (place === undefined) return [platform, counted(0, "layer"), packages, "", ""];
  const outcome = places.length > 1 ? "" : outcomeOf(place.layers, place);
  return [
    platform,
    counted(place.layers.length, "layer"),
    packages,
    formatBytes(total(place.layers)),
    outcome,
  ];
}
