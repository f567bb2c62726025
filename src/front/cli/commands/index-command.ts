import { Command } from "commander";
import { VarveError } from "#errors";
import { draftOf, type Image } from "#image";
import {
  type Descriptor,
  encodeDocument,
  formatPlatform,
  type ImageIndex,
  MediaType,
  type Platform,
} from "#oci";
import { knownBlobs } from "#transports";
import { writeImage } from "#write";
import { wantedCache } from "../cache-options.ts";
import { printJson, say } from "../output.ts";
import { withPlaces } from "../places.ts";
import { Progress } from "../progress.ts";
import { type CopyOptions, copyOptions } from "./copy.ts";

export function command(): Command {
  return new Command("index")
    .description("Works with indexes, which name an image for each of several platforms.")
    .addCommand(create());
}

function create(): Command {
  return copyOptions(new Command("create"))
    .description("Writes images for several platforms to one place, and an index over them.")
    .argument("<destination>", "where the index is to be")
    .argument("<source...>", "where the images are, one for each platform")
    .action(async (destination: string, sources: string[], options: CopyOptions) => {
      await withPlaces(options, async ({ transports, read, signal }) => {
        const sink = await transports.sink(destination);
        if (sink.writeIndex === undefined) {
          throw new VarveError(
            "USAGE",
            `${sink.name} can't hold an index; write to a registry or an OCI layout`,
          );
        }
        const cache = wantedCache(options);
        const manifests: Descriptor[] = [];
        const progress = new Progress({ quiet: options.quiet ?? false, several: false });
        for (const from of sources) {
          await using source = await transports.source(from);
          const image = await source.read(read);
          const platform = platformOf(image);
          refuseTwice(manifests, platform);
          const [written] = await writeImage(draftOf(image), [sink], {
            compression: options.compression,
            untagged: true,
            known: cache && knownBlobs(cache),
            onProgress: progress.report,
            signal,
          });
          manifests.push({ ...written!.descriptor, platform });
        }
        progress.finish();
        const value: ImageIndex = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
        const index = encodeDocument(value, MediaType.ociIndex);
        await sink.writeIndex(index, { signal });
        if (options.json)
          await printJson({ destination: sink.name, digest: index.descriptor.digest, manifests });
        else if (!options.quiet)
          say(`Wrote an index of ${manifests.length} images to ${sink.name}: ${index.descriptor.digest}`);
      });
    });
}

function platformOf({ config }: Image): Platform {
  const { os, architecture, variant } = config.value;
  return { os, architecture, ...(variant ? { variant } : {}) };
}

function refuseTwice(manifests: readonly Descriptor[], platform: Platform): void {
  const name = formatPlatform(platform);
  if (manifests.some((manifest) => formatPlatform(manifest.platform!) === name)) {
    throw new VarveError("USAGE", `two of the images are for ${name}; an index has one for each platform`);
  }
}
