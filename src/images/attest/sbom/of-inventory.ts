/** What is installed in an image, as parts of an SBOM. */

import type { Digest } from "#oci";
import type { Distribution, FoundPackage, Inventory } from "#packages";
import type { BomPart } from "./model.ts";
import { nixName } from "./nix-name.ts";
import { npmPurl, purlOf } from "./purl.ts";

/**
 * The packages of an image, and its distribution, which needs those that are its own.
 * @param layers the diff IDs of the image's layers
 */
export function inventoryParts({ distribution, packages }: Inventory, layers: readonly Digest[]): BomPart[] {
  const parts = packages.map((found) => partOf(found, { distribution, layer: layers[found.layer] }));
  const own = packages.filter(({ kind }) => kind === "deb" || kind === "apk" || kind === "rpm");
  if (distribution === undefined) return parts;
  const { id, version, name, layer } = distribution;
  const system: BomPart = {
    ...{ id: `os:${id}`, type: "operating-system", name: id, version, layer: layers[layer] },
    facts: { "os-name": name },
    dependsOn: own.map((each) => each.id),
  };
  return [system, ...parts];
}

function partOf(
  found: FoundPackage,
  { distribution, layer }: { distribution: Distribution | undefined; layer: Digest | undefined },
): BomPart {
  const { id, kind, source, licence, supplier, author, needs, place, isApplication } = found;
  const { name, version } = kind === "nix" ? (nixName(id) ?? found) : found;
  return {
    ...{ id, type: isApplication ? "application" : "library", name, version },
    ...{ purl: purlIn(found, distribution), layer, dependsOn: needs },
    ...(licence !== undefined && { licence }),
    ...(supplier !== undefined && { supplier }),
    ...(author !== undefined && { author }),
    ...(place !== undefined && { place: `/${place}` }),
    ...(source !== undefined && {
      facts: {
        source: source.name,
        ...(source.version !== undefined && { "source-version": source.version }),
      },
    }),
  };
}

function purlIn(found: FoundPackage, distribution: Distribution | undefined): string | undefined {
  const { kind, id, name, version, architecture, source } = found;
  if (kind === "npm") return npmPurl(name, version);
  if (kind === "pypi" || kind === "generic") return purlOf({ type: kind, name, version });
  if (kind === "nix") {
    const { output, hash, ...known } = nixName(id) ?? { name, version };
    return purlOf({ type: kind, ...known, qualifiers: { output, outputhash: hash } });
  }
  const [, epoch, plain = version] = (kind === "rpm" && /^(\d+):(.*)$/.exec(version)) || [];
  const distro = distribution && [distribution.id, distribution.version].filter(Boolean).join("-");
  return purlOf({
    ...{ type: kind, namespace: distribution?.id, name, version: plain },
    qualifiers: { arch: architecture, epoch, upstream: source && upstreamOf(kind, source), distro },
  });
}

/** What it was built from, in the form in which scanners of the field write it. */
function upstreamOf(
  kind: FoundPackage["kind"],
  { name, version }: NonNullable<FoundPackage["source"]>,
): string {
  if (version === undefined) return name;
  return kind === "rpm" ? `${name}-${version}.src.rpm` : `${name}@${version}`;
}
