/** What is said of many images that were made in one run. */
import type { BakedImage, BuiltImage, WrittenLayer } from "#app";
import { VarveError } from "#errors";
import { counted, formatBytes, table } from "#report";
import { sentenceOf } from "./failure.ts";
import { duration } from "./summary/duration.ts";
import { placeOf, wordsFor } from "./summary/place.ts";

/** A line when an image is done, or has failed. */
export function bakedLine(
  image: BakedImage,
  { done, all }: { readonly done: number; readonly all: number },
): string {
  const count = `[${String(done).padStart(String(all).length)}/${all}]`;
  if (image.built === undefined) return `${count} ${image.target} failed: ${sentenceOf(image.error)}`;
  const bytes = `${formatBytes(bytesOf(image).stored)} ${storedWord([image])}`;
  return `${count} ${image.target}: ${bytes} in ${duration(image.milliseconds / 1000)}`;
}

/** A row for each image, and a line about all. */
export function bakedTable(images: readonly BakedImage[], seconds: number): string[] {
  if (images.length === 0) return ["There is nothing to build: no image can have changed"];
  const owners = ownersOf(images);
  const rows = images.map((image) => {
    if (image.built === undefined) return [image.target, "failed", "", "", "", ""];
    const layers = layersOf(image);
    const shared = layers.filter(({ digest }) => (owners.get(digest)?.size ?? 0) > 1);
    return [
      image.target,
      String(layers.length),
      String(shared.length),
      formatBytes(bytesOf(image).stored),
      duration(image.milliseconds / 1000),
      image.built.digest,
    ];
  });
  const word = storedWord(images);
  const text = table(["IMAGE", "LAYERS", "SHARED", word.toUpperCase(), "TIME", "DIGEST"], rows, [
    ...(["left", "right", "right", "right", "right", "left"] as const),
  ]);
  const made = images.filter(({ built }) => built !== undefined);
  const stored = made.reduce((sum, image) => sum + bytesOf(image).stored, 0);
  const all = made.reduce((sum, image) => sum + bytesOf(image).all, 0);
  return [
    ...text.split("\n"),
    `${counted(made.length, "image")} in ${duration(seconds)}: ${formatBytes(stored)} ${word} of ${formatBytes(all)}`,
  ];
}

/** What became of a target, for programs. */
export function bakedJson({ target, built, error, milliseconds }: BakedImage): unknown {
  const seconds = milliseconds / 1000;
  if (built === undefined) {
    const code = error instanceof VarveError ? error.code : "FAULT";
    return { target, seconds, error: { code, message: sentenceOf(error) } };
  }
  if (!("images" in built)) return { target, seconds, digest: built.digest, places: built.places };
  const places = built.places.map(({ images: _, ...place }) => place);
  const images = built.images.map(({ platform, places }) => ({ platform, places }));
  return { target, seconds, digest: built.digest, places, images };
}

function imagesOf({ built }: BakedImage): readonly BuiltImage[] {
  if (built === undefined) return [];
  return "images" in built ? built.images : [built];
}

/** The layers at the first place. */
function layersOf(image: BakedImage): WrittenLayer[] {
  return imagesOf(image).flatMap(({ places }) => places[0]?.layers ?? []);
}

/** What is said of bytes that weren't there before: `sent` where some go to a registry or an engine, else `written`. */
function storedWord(images: readonly BakedImage[]): string {
  const places = images.flatMap((image) => imagesOf(image).flatMap(({ places }) => places));
  const words = new Set(places.map((place) => wordsFor(placeOf(place)).layer));
  return words.size === 1 ? [...words].join() : "sent";
}

/** Bytes that all places took, and bytes that are there. */
function bytesOf(image: BakedImage): { readonly stored: number; readonly all: number } {
  const layers = imagesOf(image).flatMap(({ places }) => places.flatMap(({ layers }) => layers));
  const sum = (list: readonly WrittenLayer[]) => list.reduce((total, { size }) => total + size, 0);
  return { stored: sum(layers.filter(({ outcome }) => outcome === "written")), all: sum(layers) };
}

/** Which images have a layer. */
function ownersOf(images: readonly BakedImage[]): Map<string, Set<string>> {
  const owners = new Map<string, Set<string>>();
  for (const image of images) {
    for (const { digest } of layersOf(image)) {
      const known = owners.get(digest) ?? new Set();
      owners.set(digest, known.add(image.target));
    }
  }
  return owners;
}
