/** Short words for what is known to hang on images. */
import type { Descriptor, Manifest } from "#oci";

const PREDICATE = "in-toto.io/predicate-type";

const BUNDLE = "application/vnd.dev.sigstore.bundle";

/** By the beginning of an artifact's type. */
const TYPES: readonly (readonly [string, string])[] = [
  ["application/vnd.cyclonedx", "SBOM (CycloneDX)"],
  ["application/spdx", "SBOM (SPDX)"],
  ["text/spdx", "SBOM (SPDX)"],
  ["application/vnd.syft", "SBOM (Syft)"],
  ["application/vnd.openvex", "VEX (OpenVEX)"],
  ["application/openvex", "VEX (OpenVEX)"],
  ["application/csaf", "VEX (CSAF)"],
  ["application/vnd.cncf.notary.signature", "signature (Notary)"],
  ["application/vnd.dev.cosign.artifact.sig", "signature"],
  ["application/vnd.dev.cosign.simplesigning", "signature"],
  [BUNDLE, "signature"],
  ["application/vnd.in-toto", "attestation"],
  ["application/vnd.dsse.envelope", "attestation"],
];

/** By the beginning of the type of what a statement says. */
const PREDICATES: readonly (readonly [string, string])[] = [
  ["https://sigstore.dev/cosign/sign/", "signature"],
  ["https://slsa.dev/provenance/", "provenance"],
  ["https://slsa.dev/verification_summary/", "verification summary"],
  ["https://cyclonedx.org/bom", "SBOM (CycloneDX)"],
  ["https://spdx.dev/Document", "SBOM (SPDX)"],
  ["https://openvex.dev/ns", "VEX (OpenVEX)"],
];

/** By the end of cosign's old tags. */
const TAGS: Readonly<Record<string, string>> = { sig: "signature", att: "attestation", sbom: "SBOM" };

/**
 * A short word for what an artifact is, as far as that is known: by what it says in its statements, its type, its layers' types, or
 * the tag that it was found at.
 */
export function kindOf(
  entry: Descriptor,
  { manifest, tag }: { readonly manifest?: Manifest | undefined; readonly tag?: string | undefined } = {},
): string | undefined {
  const layers = manifest?.layers ?? [];
  const predicates = [entry.annotations, ...layers.map(({ annotations }) => annotations)].flatMap((all) =>
    [all?.[PREDICATE], all?.["predicateType"], all?.["dev.sigstore.bundle.predicateType"]].filter(
      (type) => type !== undefined,
    ),
  );
  const said = [...new Set(predicates.flatMap((type) => wordFor(type, PREDICATES) ?? []))];
  if (said.length > 0) {
    const isSigned = (entry.artifactType ?? "").startsWith(BUNDLE) && !said.includes("signature");
    return `${said.join(" and ")}${isSigned ? ", signed" : ""}`;
  }
  const atTag = tag === undefined ? undefined : TAGS[tag.slice(tag.lastIndexOf(".") + 1)];
  const types = [entry.artifactType ?? "", ...layers.map(({ mediaType }) => mediaType)];
  return atTag ?? types.map((type) => wordFor(type, TYPES)).find((word) => word !== undefined);
}

function wordFor(text: string, words: readonly (readonly [string, string])[]): string | undefined {
  return words.find(([beginning]) => text.startsWith(beginning))?.[1];
}
