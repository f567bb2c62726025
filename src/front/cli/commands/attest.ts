import { Command } from "commander";
import { attest } from "#app";
import { parseJson, readWhole } from "#util";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { ONE_PLATFORM, type SigningOptions, signerOf, signingOptions } from "../signature-options.ts";
import { reportOptions, tellSigned } from "./sign.ts";

interface AttestCommandOptions extends PlaceOptions, SigningOptions {
  readonly predicate: string;
  readonly type: string;
  readonly quiet?: true;
  readonly json?: true;
}

/** More than an SBOM has that fits in a bundle. */
const MAX_PREDICATE = 16 * 1024 * 1024;

export function command(): Command {
  const command = new Command("attest")
    .description(
      "Signs what is said of an image: attaches a JSON document to it, such as an SBOM or provenance, as a signed statement about its digest.",
    )
    .argument("<image>", "where the image is: a registry or an OCI layout")
    .requiredOption("--predicate <file>", "the document, JSON")
    .requiredOption(
      "--type <type>",
      "what it is: cyclonedx, spdx, slsaprovenance1, openvex, or a predicate type's URI",
    );
  return reportOptions(placeOptions(signingOptions(command), ONE_PLATFORM)).action(
    async (image: string, options: AttestCommandOptions) => {
      await onMachine({ ...options, cache: false }, async (operation) => {
        const { predicate: file, type } = options;
        const bytes = await readWhole(file, { limit: MAX_PREDICATE, signal: operation.signal });
        const predicate = parseJson(bytes, { what: file, maxBytes: MAX_PREDICATE });
        await tellSigned(
          await attest(image, { ...operation, ...signerOf(options), type, predicate }),
          options,
        );
      });
    },
  );
}
