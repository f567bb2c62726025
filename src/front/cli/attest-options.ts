/** The options of what is written down of an image when it is built. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { AttestOptions, BuildOptions, BuiltImage, BuiltIndex, Machine, SbomFormat } from "#app";
import { VarveError } from "#errors";
import { formatPlatform } from "#oci";
import { say } from "./output.ts";
import { type SigningOptions, signerOf, signingFields, signingOptions } from "./signature-options.ts";

export interface AttestCommandOptions extends SigningOptions {
  readonly sign?: true;
  readonly sbom?: true | readonly SbomFormat[];
  readonly provenance?: true | { readonly builder: string };
  readonly attestIndex?: true;
}

/** Adds the options of commands that build one image. */
export function attestOptions(command: Command): void {
  documentOptions(command).option(
    "--attest-index",
    "also write both into an index over the image, as BuildKit does and Docker Scout reads it",
  );
  signOptions(command);
}

/** Adds the options of what hangs on an image. */
export function documentOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--sbom [formats]",
        "attach what it is made of: cyclonedx, spdx, or both with a comma between them (default: cyclonedx)",
      ).argParser(formats),
    )
    .addOption(
      new Option(
        "--provenance [builder=uri]",
        "attach how it was made, as SLSA has it; who builds is known on GitHub and GitLab",
      ).argParser(builder),
    );
}

/** Adds the options of signing what is built. */
export function signOptions(command: Command): void {
  signingOptions(command.option("--sign", "sign the image, and what is attached to it: see varve sign"));
}

/**
 * The platforms of the index that is to be built; undefined for one image alone.
 * @throws VarveError `USAGE` where nothing is to be written into an index
 */
export function indexPlatforms(
  { platform, attestIndex, sbom, provenance }: AttestCommandOptions & { readonly platform?: string },
  machine: Pick<Machine, "platform">,
): string[] | undefined {
  if (attestIndex && sbom === undefined && provenance === undefined) {
    throw new VarveError(
      "USAGE",
      "--attest-index writes what --sbom and --provenance ask for; give one of them",
    );
  }
  const platforms = platform?.split(",") ?? [formatPlatform(machine.platform)];
  return attestIndex || platforms.length > 1 ? platforms : undefined;
}

/** What the options ask for. */
export function attestIn(options: AttestCommandOptions): AttestOptions & Pick<BuildOptions, "sign"> {
  const { sbom, provenance, sign } = options;
  if (!sign && Object.values(signingFields(options)).some((each) => each !== undefined)) {
    throw new VarveError("USAGE", "a key or an identity token is there for --sign, which isn't given");
  }
  return {
    ...(sign && { sign: signerOf(options) }),
    ...(sbom !== undefined && { sbom: sbom === true ? ["cyclonedx"] : sbom }),
    ...(provenance !== undefined && { provenance: provenance === true ? {} : provenance }),
  };
}

function formats(text: string): SbomFormat[] {
  const words = text.split(",");
  const isFormat = (word: string): word is SbomFormat => word === "cyclonedx" || word === "spdx";
  if (words.every(isFormat)) return [...new Set(words)];
  throw new InvalidArgumentError(
    "It must be cyclonedx, spdx, or both with a comma between them; what is built is named before it.",
  );
}

function builder(text: string): { builder: string } {
  const [, uri = ""] = /^builder=(.+)$/.exec(text) ?? [];
  if (URL.canParse(uri)) return { builder: uri };
  throw new InvalidArgumentError("It must be builder= and an URI; what is built is named before it.");
}

const NAMES = {
  cyclonedx: "an SBOM (CycloneDX)",
  spdx: "an SBOM (SPDX)",
  provenance: "its provenance",
  signature: "a signature",
} as const;

/** What was built, of which is said what hangs on it and where. */
export function told<T extends BuiltImage | BuiltIndex>(built: T, quiet: boolean): T {
  const images: readonly BuiltImage[] = "images" in built ? built.images : [built];
  const attached = [...images.flatMap((image) => image.attached), ...("signed" in built ? built.signed : [])];
  for (const [destination, list] of Map.groupBy(quiet ? [] : attached, (each) => each.destination)) {
    const kinds = [...new Set(list.map(({ kind }) => NAMES[kind]))];
    const [last, ...others] = kinds.reverse();
    const words = others.length === 0 ? last : `${others.reverse().join(", ")} and ${last}`;
    say(`Attached ${words} to ${images.length === 1 ? "the image" : "each image"} in ${destination}`);
  }
  return built;
}
