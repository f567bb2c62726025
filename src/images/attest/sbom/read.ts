/** Reads SBOMs, whoever wrote them, as far as they say which packages there are. */
import { PackageURL } from "packageurl-js";
import { VarveError } from "#errors";
import { parseJson } from "#util";
import { licenceOf } from "./licence.ts";
import type { BomComponent } from "./model.ts";

/** A package as an SBOM lists it. */
export interface ListedPackage {
  /** What is the same of all its versions: `npm/@types/node`, `deb/debian/libc6`. */
  readonly key: string;
  readonly name: string;
  /** What tells one from another of the same version, too: of a store path, some of its hash. */
  readonly version: string;
  /** An SPDX expression, or whatever is said; absent where nothing is. */
  readonly licence?: string;
}

/** No real SBOM has more; that of a whole distribution has some 100 MB. */
export const MAX_SBOM_BYTES = 512 * 1024 * 1024;

type Fields = Readonly<Record<string, unknown>>;

/** Whether a JSON value is an SBOM in a format that is read. */
export function isSbom(value: unknown): value is Fields {
  return isObject(value) && (value["bomFormat"] === "CycloneDX" || typeof value["spdxVersion"] === "string");
}

/**
 * Reads an SBOM: CycloneDX as JSON, SPDX 2 as JSON.
 * @param what its name in messages
 * @returns undefined for JSON that is something else
 * @throws VarveError `INVALID_JSON`, `TOO_LARGE`; `USAGE` for an SPDX version that isn't read
 */
export function readSbom(bytes: Uint8Array, what: string): ListedPackage[] | undefined {
  const value = parseJson(bytes, { what, maxBytes: MAX_SBOM_BYTES });
  if (!isSbom(value)) return undefined;
  if (value["bomFormat"] === "CycloneDX") return componentsIn(value["components"]).flatMap(cyclonedxPackage);
  const version = String(value["spdxVersion"]);
  if (!version.startsWith("SPDX-2.")) {
    throw new VarveError("USAGE", `${what} is ${version}; varve reads SPDX 2 and CycloneDX, both as JSON`);
  }
  return objectsIn(value["packages"]).flatMap(spdxPackage);
}

/** What a document that varve is about to write lists. */
export function listedPackages(components: readonly BomComponent[]): ListedPackage[] {
  return components.map(({ purl, name, version, licence, type }) =>
    listed({ purl, name, version, licence: licence && plain(licence), type }),
  );
}

/** Components, and those within them. */
function componentsIn(value: unknown, depth = 0): Fields[] {
  if (depth > 20) return [];
  return objectsIn(value).flatMap((each) => [each, ...componentsIn(each["components"], depth + 1)]);
}

function cyclonedxPackage(component: Fields): ListedPackage[] {
  const { type, group } = component;
  // Some writers list files.
  if (type === "file") return [];
  const name = textIn(component["name"]);
  if (name === undefined) return [];
  const said = objectsIn(component["licenses"]).flatMap(({ expression, license }) => {
    const own = isObject(license) ? (license["id"] ?? license["name"]) : undefined;
    return textIn(expression) ?? textIn(own) ?? [];
  });
  const scope = textIn(group);
  return [
    listed({
      purl: textIn(component["purl"]),
      name: scope === undefined ? name : `${scope}/${name}`,
      version: textIn(component["version"]) ?? "",
      licence: joined(said),
      type: String(type),
    }),
  ];
}

function spdxPackage(found: Fields): ListedPackage[] {
  const name = textIn(found["name"]);
  const purpose = found["primaryPackagePurpose"];
  if (name === undefined || purpose === "CONTAINER" || purpose === "FILE") return [];
  const refs = objectsIn(found["externalRefs"]);
  const purl = refs.find(({ referenceType }) => referenceType === "purl")?.["referenceLocator"];
  const said = [found["licenseDeclared"], found["licenseConcluded"]].map(textIn);
  const licence = said.find((each) => each !== undefined && each !== "NOASSERTION" && each !== "NONE");
  const type =
    purpose === "OPERATING_SYSTEM" || purpose === "OPERATING-SYSTEM" ? "operating-system" : "library";
  const version = textIn(found["versionInfo"]) ?? "";
  return [listed({ purl: textIn(purl), name, version, licence, type })];
}

interface Said {
  readonly purl: string | undefined;
  readonly name: string;
  readonly version: string;
  readonly licence: string | undefined;
  readonly type: string;
}

function listed({ purl, name, version, licence, type }: Said): ListedPackage {
  const known = purl === undefined ? undefined : parsed(purl);
  const own = { ...(licence !== undefined && { licence }) };
  if (known === undefined) return { key: `${type}/${name}`, name, version, ...own };
  const { output, outputhash } = known.qualifiers ?? {};
  const full = [known.namespace, known.name].filter(Boolean).join("/");
  const variant = output === undefined ? "" : `-${output}`;
  const hash = outputhash === undefined ? "" : ` (${outputhash.slice(0, 8)})`;
  return {
    key: `${known.type}/${full}${variant}`,
    // A distribution's packages are called by their names alone.
    name: `${known.type === "npm" ? full : known.name}${variant}`,
    version: `${known.version ?? version}${hash}`.trim(),
    ...own,
  };
}

function parsed(purl: string): PackageURL | undefined {
  try {
    return PackageURL.fromString(purl);
  } catch {
    return undefined;
  }
}

/** As the formats have it: what isn't an expression is told by its name in one, and by an id of the document's in the other. */
function plain(said: string): string {
  const licence = licenceOf(said);
  return "id" in licence ? licence.id : "expression" in licence ? licence.expression : licence.name;
}

function joined(said: readonly string[]): string | undefined {
  return said.length === 0 ? undefined : [...new Set(said)].join(" AND ");
}

function objectsIn(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
