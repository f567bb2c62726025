/** Several images in one place. */
import { VarveError } from "#errors";
import {
  type MergeOptions as ArchiveMergeOptions,
  type ArchiveOutput,
  checkNames,
  fileOutput,
  mergedDockerArchive,
  mergedOciArchive,
  ociLayoutSink,
} from "#formats";
import { draftOf, type Image, type Layer } from "#image";
import { parseDestination } from "#transports";
import { writeImage } from "#write";
import { type OperationOptions, operate } from "./machine.ts";
import { openImages } from "./open-images.ts";

/** How several images are written to one place. */
export interface MergeOptions extends OperationOptions {
  /** Called when a layer is at its place. */
  readonly onLayer?:
    | ((
        layer: Layer,
        progress: {
          /** Which of the images, and which of its layers, both counted from 0. */
          readonly image: number;
          readonly index: number;
          /** Whether it was there already. */
          readonly shared: boolean;
        },
      ) => void)
    | undefined;
}

/** Where several images were written. */
export interface MergedImages {
  /** The place, as people call it. */
  readonly destination: string;
  /** How many they are. */
  readonly images: number;
}

/**
 * Writes several images to one archive or OCI layout. Each keeps its names; layers that they share are written once.
 * @param from where the images are
 * @param to a docker-archive, an OCI archive or an OCI layout, by its place, or where a docker-archive's bytes go
 * @throws VarveError `USAGE` for no images, for two of one name, and for another kind of place; what reading and writing throw
 */
export async function merge(
  from: readonly string[],
  to: string | ArchiveOutput,
  { onLayer, ...options }: MergeOptions = {},
): Promise<MergedImages> {
  if (from.length === 0) throw new VarveError("USAGE", "there are no images to merge; name some");
  const { name, write } = typeof to === "string" ? await mergeTarget(to) : archiveTarget(to);
  return await operate(options, async (operation) => {
    await using opened = await openImages(from, operation);
    checkNames(opened.images);
    await write(opened.images, { onLayer, signal: operation.signal });
    return { destination: name, images: from.length };
  });
}

/** Where several images go. */
interface MergeTarget {
  readonly name: string;
  write(images: readonly Image[], options: ArchiveMergeOptions): Promise<void>;
}

async function mergeTarget(text: string): Promise<MergeTarget> {
  const place = await parseDestination(text);
  if ("path" in place && place.select === undefined) {
    const { path, transport } = place;
    if (transport === "oci") return layoutTarget(path);
    return transport === "oci-archive" ? ociArchiveTarget(path) : archiveTarget(fileOutput(path));
  }
  throw new VarveError(
    "USAGE",
    `varve merge can't write to ${text}; name an archive or an OCI layout, without an image's name`,
  );
}

function archiveTarget(output: ArchiveOutput): MergeTarget {
  return {
    name: `docker-archive:${output.name}`,
    write: (images, options) => output.write(mergedDockerArchive(images, options), options.signal),
  };
}

function ociArchiveTarget(path: string): MergeTarget {
  return {
    name: `oci-archive:${path}`,
    write: (images, options) => fileOutput(path).write(mergedOciArchive(images, options), options.signal),
  };
}

/** In a layout an image usually has only its tag as a name; several images need their full names to be distinguished. */
function layoutTarget(path: string): MergeTarget {
  return {
    name: `oci:${path}`,
    async write(images, { onLayer, signal }) {
      for (const [at, image] of images.entries()) {
        for (const tag of image.names.length === 0 ? [undefined] : image.names) {
          const [written] = await writeImage(draftOf(image), [ociLayoutSink({ path, tag })], { signal });
          for (const [index, { outcome }] of written!.layers.entries()) {
            onLayer?.(image.layers[index]!, { image: at, index, shared: outcome === "present" });
          }
        }
      }
    },
  };
}
