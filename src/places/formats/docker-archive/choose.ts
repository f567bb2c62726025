import { VarveError } from "#errors";
import { type Digest, formatReference, hexOf, parseReference } from "#oci";

/** How many images an error lists. */
const SHOWN_IMAGES = 30;

/** What identifies an image in an archive. */
interface Named {
  readonly names: readonly string[];
  readonly config: { readonly descriptor: { readonly digest: Digest } };
}

/**
 * Finds the image that is meant, among those of an archive.
 * @param select a name, with Docker's defaults filled in where it leaves them out; an image's ID; or `@` and an index
 *   counted from 0; may be left out for an archive of one image
 * @throws VarveError `IMAGE_NOT_FOUND`, listing what there is
 */
export function chooseImage<T extends Named>(
  images: readonly T[],
  { select, path }: { select?: string | undefined; path: string },
): T {
  if (select === undefined) {
    if (images.length === 1) return images[0]!;
    throw new VarveError(
      "IMAGE_NOT_FOUND",
      `${path} holds several images; say which one is meant: ${listImages(images)}`,
    );
  }
  const position = /^@([0-9]{1,6})$/.exec(select);
  const chosen =
    position !== null
      ? images[Number(position[1])]
      : (images.find((image) => image.names.includes(select)) ??
        images.find((image) => image.names.some((name) => canonical(name) === canonical(select))) ??
        images.find(({ config: { descriptor } }) =>
          [descriptor.digest, hexOf(descriptor.digest)].includes(select),
        ));
  if (chosen !== undefined) return chosen;
  throw new VarveError("IMAGE_NOT_FOUND", `${path} has no image ${select}; it has ${listImages(images)}`);
}

function canonical(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch {
    return name;
  }
}

function listImages(images: readonly Named[]): string {
  const listed = images
    .slice(0, SHOWN_IMAGES)
    .map(({ names }, index) => `@${index} (${names.join(", ").slice(0, 200) || "without a name"})`);
  return listed.join(", ") + (images.length > SHOWN_IMAGES ? ", …" : "");
}
