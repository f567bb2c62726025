import { basename } from "node:path";
import { Command } from "commander";
import { attach } from "#app";
import { type ArtifactBlob, MAX_ARTIFACT_BYTES } from "#referrers";
import { counted, formatBytes } from "#report";
import { readWhole } from "#util";
import { jsonOption, pairs } from "../options.ts";
import { printJson, say } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface AttachOptions extends PlaceOptions {
  readonly artifactType: string;
  readonly annotation?: Readonly<Record<string, string>>;
  readonly quiet?: true;
  readonly json?: true;
}

export function command(): Command {
  return placeOptions(
    new Command("attach"),
    "attach to the image for this platform (default: to what the name means, which may be an index)",
  )
    .description(
      "Attaches files to an image: a VEX document, an SBOM, a licence, whatever it is. They become an artifact that refers to the image's digest, so the image stays as it is. Attached twice, it is there once.",
    )
    .argument("<reference>", "where the image is: a registry or an OCI layout")
    .argument(
      "<file...>",
      "what is attached; after a colon its media type, such as notes.txt:text/plain (default: the artifact type)",
    )
    .requiredOption(
      "--artifact-type <type>",
      "what it is, as a media type, such as application/vnd.openvex+json",
    )
    .option(
      "--annotation <key=value>",
      "add an annotation to the artifact; may be given several times",
      pairs,
    )
    .option("-q, --quiet", "print nothing but errors")
    .addOption(jsonOption())
    .action(async (reference: string, files: string[], options: AttachOptions) => {
      const { artifactType, annotation: annotations, quiet = false, json = false } = options;
      await onMachine(options, async (operation) => {
        const blobs = await readBlobs(files, artifactType, operation.signal);
        const descriptor = await attach(reference, { artifactType, blobs, annotations }, operation);
        if (json) await printJson(descriptor);
        else if (!quiet) {
          const size = formatBytes(blobs.reduce((sum, { bytes }) => sum + bytes.length, 0));
          say(`Attached ${counted(blobs.length, "file")} (${size}) to ${reference} as ${artifactType}`);
          say(`  ${descriptor.digest}`);
        }
      });
    });
}

/** A file's name, and its media type: RFC 6838, section 4.2, has the types that there are. */
const TYPED =
  /^(.+):((?:application|audio|example|font|haptics|image|message|model|multipart|text|video)\/[^:\s]+)$/s;

async function readBlobs(
  files: readonly string[],
  artifactType: string,
  signal: AbortSignal,
): Promise<ArtifactBlob[]> {
  const blobs: ArtifactBlob[] = [];
  let left = MAX_ARTIFACT_BYTES;
  for (const file of files) {
    const [, path = file, mediaType = artifactType] = TYPED.exec(file) ?? [];
    const bytes = await readWhole(path, { limit: left, signal });
    left -= bytes.length;
    // oras writes it under this name.
    const annotations = { "org.opencontainers.image.title": basename(path) };
    blobs.push({ mediaType, bytes, annotations });
  }
  return blobs;
}
