import { Command } from "commander";
import { type SignedImage, sign } from "#app";
import { nameOfType } from "#attest";
import { formatPlatform } from "#oci";
import { jsonOption, pairs } from "../options.ts";
import { printJson, say } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { ONE_PLATFORM, type SigningOptions, signerOf, signingOptions } from "../signature-options.ts";

interface SignCommandOptions extends PlaceOptions, SigningOptions {
  readonly annotation?: Record<string, string>;
  readonly recursive?: true;
  readonly quiet?: true;
  readonly json?: true;
}

export function command(): Command {
  const command = new Command("sign")
    .description(
      "Signs an image: attaches a signature of its digest to it, which varve verify, cosign and policy controllers read. What a tag means is asked once.",
    )
    .argument("<image>", "where the image is: a registry or an OCI layout")
    .option("--annotation <key=value>", "say this in the signature; may be given several times", pairs)
    .option("--recursive", "sign the images that an index names as well");
  return reportOptions(placeOptions(signingOptions(command), ONE_PLATFORM)).action(
    async (image: string, options: SignCommandOptions) => {
      await onMachine({ ...options, cache: false }, async (operation) => {
        const { annotation, recursive } = options;
        const signer = signerOf(options);
        await tellSigned(
          await sign(image, { ...operation, ...signer, annotations: annotation, recursive }),
          options,
        );
      });
    },
  );
}

/** Adds the options of commands that attach what they sign. */
export function reportOptions(command: Command): Command {
  return command.option("-q, --quiet", "print nothing but errors").addOption(jsonOption());
}

/** Says what was signed. */
export async function tellSigned(
  { name, signed }: SignedImage,
  { quiet = false, json = false }: { readonly quiet?: boolean; readonly json?: boolean },
): Promise<void> {
  if (json) {
    const list = signed.map(({ digest, platform, predicateType, bundle }) => ({
      ...{ digest, ...(platform && { platform: formatPlatform(platform) }), predicateType },
      bundle: bundle.digest,
    }));
    return await printJson({ name, signed: list });
  }
  if (quiet) return;
  for (const { digest, platform, predicateType, bundle } of signed) {
    const what =
      nameOfType(predicateType) === "signature" ? "Signed" : `Attested ${nameOfType(predicateType)} of`;
    const where = platform === undefined ? name : `${name} for ${formatPlatform(platform)}`;
    say(`${what} ${where}: ${digest}, in ${bundle.digest}`);
  }
}
