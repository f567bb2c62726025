import { Command } from "commander";
import { type SignatureDemand, type VerifiedImage, verify } from "#app";
import { nameOfType } from "#attest";
import { shown } from "#util";
import { jsonOption, pairs } from "../options.ts";
import { print, printJson } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { demandOf, demandOptions, ONE_PLATFORM } from "../signature-options.ts";

interface VerifyCommandOptions extends PlaceOptions, SignatureDemand {
  readonly type?: string;
  readonly annotation?: Record<string, string>;
  readonly json?: true;
}

export function command(): Command {
  const command = new Command("verify")
    .description(
      "Verifies that an image is signed, and by whom, whatever signed it: varve, or cosign of any version. What a tag means is asked once, and that digest is printed. Ends with status 1 if nothing holds.",
    )
    .argument("<image>", "where the image is: a registry, an OCI layout or an archive of one")
    .option(
      "--type <type>",
      "demand an attestation instead of a signature: cyclonedx, spdx, slsaprovenance1, openvex, or a predicate type's URI",
    )
    .option(
      "--annotation <key=value>",
      "demand that the signature says this; may be given several times",
      pairs,
    );
  return placeOptions(demandOptions(command), ONE_PLATFORM)
    .addOption(jsonOption())
    .action(async (image: string, options: VerifyCommandOptions) => {
      await onMachine({ ...options, cache: false }, async (operation) => {
        const { type, annotation, json } = options;
        const found = await verify(image, {
          ...operation,
          ...demandOf(options),
          ...{ type, annotations: annotation },
        });
        if (json) await printJson(found);
        else await print(summary(found));
      });
    });
}

function summary({ name, digest, verified, others }: VerifiedImage): string {
  const lines = [`${name} is ${digest}`];
  for (const { by, logged, name: where, predicateType, annotations } of verified) {
    const who = "key" in by ? `the ${by.kind} key ${by.key}` : `${by.identity}, as ${by.issuer} says`;
    const word =
      nameOfType(predicateType) === "signature" ? "signed" : `${nameOfType(predicateType)} attested`;
    const said = Object.entries(annotations).map(([key, value]) => `${key}=${String(value)}`);
    const facts = [
      `${word} by ${who}`,
      ...(logged ? ["in a log"] : []),
      ...(said.length > 0 ? [`saying ${said.join(", ")}`] : []),
    ];
    lines.push(`  ${facts.join(", ")} (${where})`);
  }
  if (others.length > 0)
    lines.push(`  ${others.length} more that ${others.length === 1 ? "doesn't" : "don't"} hold`);
  return `${lines.map((line) => shown(line)).join("\n")}\n`;
}
