/** Answers to advisories: OpenVEX. */
import { PackageURL } from "packageurl-js";

/** That something isn't affected, or no longer is. */
export interface VexStatement {
  readonly reason: string;
  /** Whether it is about a vulnerability, by any of its names, in a package. */
  isAbout(names: readonly string[], purl: PackageURL): boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The statements of an OpenVEX document that say that something isn't affected.
 * @returns undefined for a value that is no such document
 */
export function vexStatements(value: unknown): VexStatement[] | undefined {
  if (!isObject(value) || !Array.isArray(value["statements"])) return undefined;
  if (!String(value["@context"]).startsWith("https://openvex.dev/ns")) return undefined;
  return value["statements"].filter(isObject).flatMap((statement): VexStatement[] => {
    const { status, justification, impact_statement: impact } = statement;
    if (status !== "not_affected" && status !== "fixed") return [];
    const names = namesOf(statement["vulnerability"]);
    const products = Array.isArray(statement["products"]) ? statement["products"].flatMap(purlsIn) : [];
    const said = [justification, impact].filter((each) => typeof each === "string");
    return [
      {
        reason: said.length > 0 ? said.join(": ") : status.replace("_", " "),
        isAbout: (others, purl) =>
          others.some((name) => names.includes(name)) && products.some((product) => isSame(product, purl)),
      },
    ];
  });
}

function namesOf(vulnerability: unknown): string[] {
  if (typeof vulnerability === "string") return [vulnerability];
  if (!isObject(vulnerability)) return [];
  const { name, aliases } = vulnerability;
  return [name, ...(Array.isArray(aliases) ? aliases : [])].filter((each) => typeof each === "string");
}

/** What a product names: its parts, where it has some, or itself. */
function purlsIn(product: unknown): PackageURL[] {
  if (typeof product === "string") return parsed(product);
  if (!isObject(product)) return [];
  const { subcomponents, identifiers } = product;
  if (Array.isArray(subcomponents) && subcomponents.length > 0) return subcomponents.flatMap(purlsIn);
  const own = isObject(identifiers) ? identifiers["purl"] : undefined;
  return [product["@id"], own].filter((each) => typeof each === "string").flatMap(parsed);
}

function parsed(text: string): PackageURL[] {
  try {
    return [PackageURL.fromString(text)];
  } catch {
    return [];
  }
}

/** An image is all that is in it; a package without a version is all of its versions. */
function isSame(product: PackageURL, purl: PackageURL): boolean {
  if (product.type === "oci" || product.type === "docker") return true;
  return (
    product.type === purl.type &&
    (product.namespace ?? "") === (purl.namespace ?? "") &&
    product.name === purl.name &&
    (product.version === undefined || product.version === purl.version)
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
