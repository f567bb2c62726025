import { Command } from "commander";
import { VarveError } from "#errors";
import { dockerArchiveSink, fileOutput, ociArchiveSink } from "#formats";
import { formatReference, parseDigest, parseReference } from "#oci";
import { parseDestination } from "#transports";
import { hashChecked } from "#util";
import type { ImageSink } from "#write";
import { expectedHash } from "../expected-hash.ts";
import { type CopyOptions, copyImage, copyOptions, referrersOption } from "./copy.ts";

interface PullOptions extends CopyOptions {
  readonly digest?: string;
  readonly expectHash?: string;
}

export function command(): Command {
  return referrersOption(copyOptions(new Command("pull")))
    .description("Copies an image from a registry to another place.")
    .argument("<reference>", "the image in the registry")
    .argument("<destination>", "where it is to be")
    .option("--digest <sha256:...>", "the digest of the image's manifest or index, in place of a tag's")
    .option(
      "--expect-hash <hash>",
      "the SHA-256 that the archive's file must have, as Nix writes it; nothing is written if it has another",
      expectedHash,
    )
    .action(async (reference: string, destination: string, options: PullOptions) => {
      const from = inRegistry(withDigest(reference, options.digest));
      const { expectHash } = options;
      const target = () => (expectHash === undefined ? destination : checkedSink(destination, expectHash));
      await copyImage(from, target, options);
    });
}

/** The place of an image in a registry, whatever files there are of that name. */
export function inRegistry(reference: string): string {
  return reference.startsWith("docker://") ? reference : `docker://${reference}`;
}

function withDigest(text: string, digest: string | undefined): string {
  if (digest === undefined) return text;
  const wanted = parseDigest(digest, "the option --digest");
  const reference = parseReference(text.replace(/^docker:\/\//, ""));
  if (reference.digest !== undefined && reference.digest !== wanted) {
    throw new VarveError("USAGE", `${text} has another digest than ${wanted}; name one of them`);
  }
  return formatReference({ ...reference, digest: wanted });
}

/** A sink that fails, and leaves nothing, if the file it writes doesn't have the hash. */
async function checkedSink(destination: string, expected: string): Promise<ImageSink> {
  const place = await parseDestination(destination);
  if (place.transport !== "docker-archive" && place.transport !== "oci-archive") {
    throw new VarveError(
      "USAGE",
      `${destination} is no file that has a hash; with --expect-hash, name a docker-archive or an oci-archive`,
    );
  }
  const { path, select } = place;
  const output = fileOutput(path, { check: (chunks) => hashChecked(chunks, { expected, name: path }) });
  if (place.transport === "oci-archive") return ociArchiveSink({ output, tag: select });
  const names = select === undefined ? undefined : [formatReference(parseReference(select), "familiar")];
  return dockerArchiveSink({ output, names });
}
