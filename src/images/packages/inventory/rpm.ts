/** RPM's packages: rpm's "Package format", section "Header tags". */
import { RpmHeader } from "../rpm.ts";
import { rowsOf } from "../sqlite.ts";
import { type FoundPackage, fields, type InventoryRoot, layerOf, lineIn, type Unresolved } from "./types.ts";

const DATABASES = ["usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"];

const TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  vendor: 1011,
  licence: 1014,
  architecture: 1022,
  source: 1044,
  provides: 1047,
  requires: 1049,
  folderOfFile: 1116,
  files: 1117,
  folders: 1118,
} as const;

/** What rpm keeps as a package, and is a key. */
const KEY = "gpg-pubkey";

/** Whether a path has something of RPM's packages. */
export function isRpmPart(path: string): boolean {
  return DATABASES.includes(path);
}

/** RPM's packages that are installed. */
export function rpmPackages({ tree, bytes }: InventoryRoot): FoundPackage[] {
  const found: [Unresolved, needs: readonly string[]][] = [];
  const providers = new Map<string, string>();
  for (const database of DATABASES) {
    const file = bytes(database);
    if (file === undefined) continue;
    for (const [, blob] of rowsOf(file, "Packages")) {
      if (!Buffer.isBuffer(blob)) continue;
      const header = new RpmHeader(blob);
      const text = (tag: number) => lineIn(header.texts(tag, 1)[0]);
      const [name, architecture] = [text(TAG.name), text(TAG.architecture)];
      if (name === undefined || name === KEY) continue;
      const id = `rpm:${name}.${architecture ?? "noarch"}`;
      const [epoch] = header.numbers(TAG.epoch);
      const release = [text(TAG.version), text(TAG.release)].filter(Boolean).join("-");
      const folders = header.texts(TAG.folders);
      const places = header.numbers(TAG.folderOfFile);
      const paths = header.texts(TAG.files).map((file, at) => `${folders[places[at] ?? -1] ?? ""}${file}`);
      const [sourceName, sourceVersion] = sourceOf(text(TAG.source)) ?? [];
      found.push([
        {
          ...{ id, kind: "rpm", name, version: epoch ? `${epoch}:${release}` : release },
          ...fields({
            architecture,
            source: sourceName === undefined ? undefined : { name: sourceName, version: sourceVersion! },
            licence: text(TAG.licence),
            supplier: text(TAG.vendor),
          }),
          layer: layerOf(tree, ...paths.slice(0, 20), database),
        },
        header.texts(TAG.requires),
      ]);
      for (const provided of [name, ...header.texts(TAG.provides), ...paths]) {
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
