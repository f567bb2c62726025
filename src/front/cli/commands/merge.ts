import { Command } from "commander";
import { VarveError } from "#errors";
import {
  type ArchiveOutput,
  checkNames,
  fileOutput,
  type MergeOptions,
  mergedDockerArchive,
  mergedOciArchive,
  ociLayoutSink,
} from "#formats";
import { draftOf, type Image, type ImageSource } from "#image";
import { formatBytes } from "#report";
import { parseDestination } from "#transports";
import { writeImage } from "#write";
import { say, stdoutOutput } from "../output.ts";
import { type PlaceOptions, placeOptions, withPlaces } from "../places.ts";

interface MergeCommandOptions extends PlaceOptions {
  readonly quiet?: true;
}

/** Where several images go. */
interface Target {
  readonly name: string;
  write(images: readonly Image[], options: MergeOptions): Promise<void>;
}

export function command(): Command {
  return placeOptions(new Command("merge"))
    .description(
      "Writes several images to one archive or OCI layout. Each keeps its names; layers that they share are there once.",
    )
    .argument(
      "<places...>",
      "where the images are and, last, where they are to be: a docker-archive, an OCI archive or layout, - for a docker-archive on stdout",
    )
    .option("-q, --quiet", "print nothing but errors")
    .action(async (places: string[], options: MergeCommandOptions) => {
      const from = places.slice(0, -1);
      if (from.length === 0) {
        throw new VarveError(
          "USAGE",
          `${places[0]} is the only place named; name images and, last, a destination`,
        );
      }
      const target = await targetOf(places.at(-1)!);
      await withPlaces(options, async ({ transports, read, signal }) => {
        const sources: ImageSource[] = [];
        try {
          const images: Image[] = [];
          for (const place of from) {
            const source = await transports.source(place);
            sources.push(source);
            images.push(await source.read(read));
          }
          checkNames(images);
          await target.write(images, { onLayer: options.quiet ? undefined : tell, signal });
          if (!options.quiet) say(`Wrote ${images.length} images to ${target.name}`);
        } finally {
          for (const source of sources) await source[Symbol.asyncDispose]();
        }
      });
    });
}

async function targetOf(text: string): Promise<Target> {
  if (text === "-") return archiveTarget(stdoutOutput());
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

function archiveTarget(output: ArchiveOutput): Target {
  return {
    name: `docker-archive:${output.name}`,
    write: (images, options) => output.write(mergedDockerArchive(images, options), options.signal),
  };
}

function ociArchiveTarget(path: string): Target {
  return {
    name: `oci-archive:${path}`,
    write: (images, options) => fileOutput(path).write(mergedOciArchive(images, options), options.signal),
  };
}

/** A layout calls an image by its tag as a rule; of several only whole names tell them apart. */
function layoutTarget(path: string): Target {
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

const tell: NonNullable<MergeOptions["onLayer"]> = ({ descriptor }, { image, index, shared }) => {
  const name = `image ${String(image + 1).padStart(3)}  layer ${String(index + 1).padStart(3)}`;
  const size = formatBytes(descriptor.size).padStart(7);
  say(`${name}  ${descriptor.digest.slice(7, 19)}  ${size}  ${shared ? "already there" : "written"}`);
};
