/** SBOMs in SPDX 2.3, as JSON. */
import { createHash } from "node:crypto";
import { compareNames, shownJson } from "#util";
import { personOf } from "./cyclonedx.ts";
import { licenceOf } from "./licence.ts";
import type { Bom, BomComponent } from "./model.ts";
import { namedUuid } from "./uuid.ts";

/** SPDX' media type, registered with IANA. */
export const SPDX_TYPE = "application/spdx+json";

/** Documents' names begin with it; there is nothing to be fetched. */
const NAMESPACE = "https://varve.dev/spdx/";

const DOCUMENT = "SPDXRef-DOCUMENT";
const IMAGE = "SPDXRef-Image";
const NONE = "NOASSERTION";

const PURPOSES = {
  library: "LIBRARY",
  application: "APPLICATION",
  "operating-system": "OPERATING_SYSTEM",
} as const;

/** Writes an SBOM. Its time is the one that the image says, since the format demands one: the same image gives the same bytes. */
export function spdx({ subject, tool, components, top }: Bom): Buffer {
  const { name, digest, config, platform, created } = subject;
  const ids = new Map(components.map(({ ref, type }) => [ref, idOf(ref, type)]));
  const named = new Map<string, string>();
  const packages = components.map((component) =>
    packageOf(component, { id: ids.get(component.ref)!, named }),
  );
  const relation = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string) => ({
    spdxElementId,
    relationshipType,
    relatedSpdxElement,
  });
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: DOCUMENT,
    name,
    documentNamespace: NAMESPACE + namedUuid(`urn:varve:image:${digest}`),
    creationInfo: { created: timeOf(created), creators: [`Tool: varve-${tool.version}`] },
    packages: [
      {
        SPDXID: IMAGE,
        name,
        versionInfo: digest,
        downloadLocation: NONE,
        filesAnalyzed: false,
        primaryPackagePurpose: "CONTAINER",
        sourceInfo: `image ID ${config}; platform ${platform}`,
        licenseConcluded: NONE,
        licenseDeclared: NONE,
        copyrightText: NONE,
      },
      ...packages,
    ],
    ...(named.size > 0 && {
      hasExtractedLicensingInfos: [...named]
        .sort(([a], [b]) => compareNames(a, b))
        .map(([licenseId, said]) => ({ licenseId, name: said, extractedText: said })),
    }),
    relationships: [
      relation(DOCUMENT, "DESCRIBES", IMAGE),
      ...components.map(({ ref }) => relation(IMAGE, "CONTAINS", ids.get(ref)!)),
      ...top.map((ref) => relation(IMAGE, "DEPENDS_ON", ids.get(ref)!)),
      ...components.flatMap(({ ref, dependsOn }) =>
        dependsOn.map((other) => relation(ids.get(ref)!, "DEPENDS_ON", ids.get(other)!)),
      ),
    ],
  };
  return Buffer.from(`${shownJson(document, 2)}\n`);
}

function packageOf(
  { ref, type, name, version, purl, hashes, licence, supplier, author, layer, place, facts }: BomComponent,
  { id, named }: { id: string; named: Map<string, string> },
): object {
  const facing = { layer, path: place, ...facts };
  const source = Object.entries(facing).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} ${value}`],
  );
  return {
    SPDXID: id,
    name,
    ...(version !== "" && { versionInfo: version }),
    ...(supplier !== undefined && { supplier: actorOf(supplier) }),
    ...(author !== undefined && { originator: actorOf(author) }),
    downloadLocation: NONE,
    filesAnalyzed: false,
    primaryPackagePurpose: PURPOSES[type],
    ...(hashes.length > 0 && {
      checksums: hashes.map(({ algorithm, hex }) => ({
        algorithm: algorithm.replace("-", ""),
        checksumValue: hex,
      })),
    }),
    ...(source.length > 0 && { sourceInfo: source.join("; ") }),
    licenseConcluded: NONE,
    licenseDeclared: licence === undefined ? NONE : declared(licence, named),
    copyrightText: NONE,
    ...(purl !== undefined && {
      externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }],
    }),
    ...(ref !== purl && { comment: ref }),
  };
}

/** An id may have letters, digits, dots and dashes only: SPDX 2.3, section 7.2. By its beginning trivy knows the system. */
function idOf(ref: string, type: BomComponent["type"]): string {
  const readable = ref
    .replace(/^pkg:/, "")
    .replace(/[^A-Za-z0-9.]+/g, "-")
    .slice(0, 80);
  const kind = type === "operating-system" ? "OperatingSystem" : "Package";
  return `SPDXRef-${kind}-${readable}-${hash(ref)}`;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** What isn't an expression is a licence of the document's own: SPDX 2.3, section 10. */
function declared(said: string, named: Map<string, string>): string {
  const licence = licenceOf(said);
  if ("id" in licence) return licence.id;
  if ("expression" in licence) return licence.expression;
  if (licence.name === "") return NONE;
  const id = `LicenseRef-${licence.name.replace(/[^A-Za-z0-9.]+/g, "-").slice(0, 40)}-${hash(licence.name)}`;
  named.set(id, licence.name);
  return id;
}

/** Nothing says whether it is somebody or some organisation; who has an address is taken for the former. */
function actorOf(text: string): string {
  const { name, email } = personOf(text);
  return email === undefined ? `Organization: ${name}` : `Person: ${name} (${email})`;
}

/** To the second, in UTC: SPDX 2.3, section 6.9. */
function timeOf(created: string | undefined): string {
  const time = new Date(created ?? 0);
  const valid = Number.isNaN(time.getTime()) ? new Date(0) : time;
  return valid.toISOString().replace(/\.\d+Z$/, "Z");
}
