/** What is installed in an image's root, with all that is said of it. */
import type { RootTree } from "#flatten";
import { compareNames, decodeName } from "#util";
import { isRpm } from "../rpm.ts";
import { apkPackages, isApkPart } from "./apk.ts";
import { dpkgPackages, isDpkgPart } from "./dpkg.ts";
import { isNodePart, nodePackages } from "./node.ts";
import { isPythonPart, pythonPackages } from "./python.ts";
import { rpmPackages } from "./rpm.ts";
import {
  type Distribution,
  type FoundPackage,
  type Inventory,
  type InventoryRoot,
  layerOf,
  lineIn,
} from "./types.ts";

/** Changes when the same root gives another inventory. */
export const INVENTORY_FORMAT = "inventory 1";

const OS_RELEASE = ["etc/os-release", "usr/lib/os-release"];

const STORE_PATH = /^nix\/store\/[0-9a-z]{32}-[^/]+$/;

/** Whether a file of a root says something of packages. */
export function isInventoryPart(path: string): boolean {
  const isSystem = isDpkgPart(path) || isApkPart(path) || isRpm(path) || OS_RELEASE.includes(path);
  return isSystem || isNodePart(path) || isPythonPart(path);
}

/**
 * Lists what is installed in a root: Debian's, Alpine's, RPM's, Python's and Node's packages, Node.js, and store paths. Databases are
 * believed; of one that is damaged or lies there are fewer packages, or others.
 * @param contents of the files for which {@link isInventoryPart} holds, by their paths
 */
export function inventoryOf(tree: RootTree, contents: ReadonlyMap<string, Buffer>): Inventory {
  const root: InventoryRoot = {
    tree,
    paths: [...contents.keys()].sort(compareNames),
    bytes: (path) => contents.get(path),
    text: (path) => {
      const bytes = contents.get(path);
      return bytes === undefined ? "" : decodeName(bytes);
    },
  };
  const all = [dpkgPackages, apkPackages, rpmPackages, pythonPackages, nodePackages, storePaths].flatMap(
    (list) => list(root),
  );
  const packages = [...new Map(all.map((each) => [each.id, each])).values()];
  const distribution = distributionOf(root);
  return {
    ...(distribution !== undefined && { distribution }),
    packages: packages.sort((a, b) => compareNames(a.id, b.id)),
  };
}

function storePaths({ tree }: InventoryRoot): FoundPackage[] {
  if (tree.get("nix/store")?.type !== "directory") return [];
  return [...tree.entries()]
    .filter(([path]) => STORE_PATH.test(path) && !/\.(?:drv|lock|check)$/.test(path))
    .map(([path, { layer }]) => {
      const name = path.slice("nix/store/".length + 33);
      return { id: `/${path}`, kind: "nix", name, version: "", place: path, needs: [], layer };
    });
}

/** os-release(5) */
function distributionOf({ tree, text }: InventoryRoot): Distribution | undefined {
  const path = OS_RELEASE.find((each) => text(each) !== "");
  if (path === undefined) return undefined;
  const values = new Map(
    [...text(path).matchAll(/^([A-Z_]+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"']*))\s*$/gm)].map(
      ([, key, a, b, c]) => [key!, lineIn(a ?? b ?? c) ?? ""] as const,
    ),
  );
  const id = values.get("ID") ?? "";
  if (!/^[a-z0-9._-]+$/.test(id)) return undefined;
  const version = values.get("VERSION_ID") ?? "";
  const name = values.get("PRETTY_NAME") || id;
  return { id, version, name, layer: layerOf(tree, path) };
}
