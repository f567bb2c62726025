/** RPM's packages: rpm's "Package format", section "Header tags". */
import { RPM_DATABASES, RPM_TAG, rpmHeaders } from "../rpm.ts";
import { type FoundPackage, fields, type InventoryRoot, layerOf, lineIn, type Unresolved } from "./types.ts";

/** What rpm keeps as a package, and is a key. */
const KEY = "gpg-pubkey";

/** RPM's packages that are installed. */
export function rpmPackages({ tree, bytes }: InventoryRoot): FoundPackage[] {
  const found: [Unresolved, needs: readonly string[]][] = [];
  const providers = new Map<string, string>();
  for (const database of RPM_DATABASES) {
    const file = bytes(database);
    if (file === undefined) continue;
    for (const header of rpmHeaders(file)) {
      const text = (tag: number) => lineIn(header.texts(tag, 1)[0]);
      const [name, architecture] = [text(RPM_TAG.name), text(RPM_TAG.architecture)];
      if (name === undefined || name === KEY) continue;
      const id = `rpm:${name}.${architecture ?? "noarch"}`;
      const [epoch] = header.numbers(RPM_TAG.epoch);
      const release = [text(RPM_TAG.version), text(RPM_TAG.release)].filter(Boolean).join("-");
      const paths = header.paths();
      const [sourceName, sourceVersion] = sourceOf(text(RPM_TAG.source)) ?? [];
      found.push([
        {
          ...{ id, kind: "rpm", name, version: epoch ? `${epoch}:${release}` : release },
          ...fields({
            architecture,
            source: sourceName === undefined ? undefined : { name: sourceName, version: sourceVersion! },
            licence: text(RPM_TAG.licence),
            supplier: text(RPM_TAG.vendor),
          }),
          layer: layerOf(tree, ...paths.slice(0, 20), database),
        },
        header.texts(RPM_TAG.requires),
      ]);
      for (const provided of [name, ...header.texts(RPM_TAG.provides), ...paths]) {
        if (!providers.has(provided)) providers.set(provided, id);
      }
    }
  }
  return found.map(([made, needed]) => {
    return { ...made, needs: needed.flatMap((name) => providers.get(name) ?? []) };
  });
}

/** `NAME-VERSION-RELEASE.src.rpm`. */
function sourceOf(file: string | undefined): [name: string, version: string] | undefined {
  const [, name, version] = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(file ?? "") ?? [];
  return name === undefined ? undefined : [name, version!];
}
