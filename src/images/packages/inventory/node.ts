/** Node's packages, in whichever layout of `node_modules`, and projects. */
import { posix } from "node:path";
import { realPathIn } from "../real-path.ts";
import { type FoundPackage, fields, type InventoryRoot, layerOf, lineIn, type Unresolved } from "./types.ts";

const MANIFEST = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/.@][^/]*)\/package\.json$/;

/** What Node.js is installed with, by whoever made the image of its archive. */
const HEADER = /^(?:.*\/)?include\/node\/node_version\.h$/;

/** Whether a path has something of Node's packages: a package's, or that of a project, which isn't in another's folder. */
export function isNodePart(path: string): boolean {
  if (path.endsWith("package.json"))
    return MANIFEST.test(path) || /^(?!.*node_modules\/)(?:.*\/)?package\.json$/.test(path);
  return path.endsWith("node_version.h") && HEADER.test(path);
}

/** Node's packages that are installed, projects, and Node.js itself. */
export function nodePackages(root: InventoryRoot): FoundPackage[] {
  const found: [Unresolved, needs: readonly string[]][] = [];
  for (const path of root.paths.filter(isNodePart)) {
    if (path.endsWith(".h")) {
      const node = nodeItself(path, root);
      if (node !== undefined) found.push([node, []]);
      continue;
    }
    const manifest = manifestIn(root.text(path));
    const [, installed] = MANIFEST.exec(path) ?? [];
    const name = lineIn(manifest?.["name"], 300) ?? installed;
    const version = lineIn(manifest?.["version"], 100) ?? "";
    // Files of that name are used for much else.
    if (name === undefined || (installed === undefined && version === "")) continue;
    const place = path === "package.json" ? "" : path.slice(0, -"/package.json".length);
    found.push([
      {
        ...{ id: `/${place}`, kind: "npm", name, version, place },
        ...fields({
          licence: licenceIn(manifest ?? {}),
          author: authorIn(manifest?.["author"]),
          isApplication: installed === undefined ? (true as const) : undefined,
        }),
        layer: layerOf(root.tree, path),
      },
      ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((field) =>
        keysOf(manifest?.[field]),
      ),
    ]);
  }
  const ids = new Set(found.map(([{ id }]) => id));
  return found.map(([made, needed]) => {
    const needs = needed.flatMap((name) => resolve(made, { name, ids, root }) ?? []);
    return { ...made, needs };
  });
}

/** As Node resolves a name: in `node_modules` of the folder, and of each above it. */
function resolve(
  { place = "", kind }: Unresolved,
  { name, ids, root }: { name: string; ids: ReadonlySet<string>; root: InventoryRoot },
): string | undefined {
  if (kind !== "npm" || /(?:^|\/)\.{0,2}(?:\/|$)/.test(name)) return undefined;
  for (let folder = place; ; folder = posix.dirname(folder)) {
    const at = folder === "." ? "" : folder;
    if (posix.basename(at) !== "node_modules") {
      const path = posix.join(at, "node_modules", name);
      const real = root.tree.get(path) === undefined ? undefined : realPathIn(root.tree, path);
      if (real !== undefined && ids.has(`/${real}`)) return `/${real}`;
    }
    if (at === "") return undefined;
  }
}

function nodeItself(path: string, { text, tree }: InventoryRoot): Unresolved | undefined {
  const header = text(path);
  const numbers = ["MAJOR", "MINOR", "PATCH"].map(
    (part) => new RegExp(`^#define NODE_${part}_VERSION (\\d+)$`, "m").exec(header)?.[1],
  );
  if (numbers.includes(undefined)) return undefined;
  const place = path.replace(/\/?include\/node\/node_version\.h$/, "");
  // A distribution's is in its packages.
  if (place === "usr" || place === "") return undefined;
  return {
    ...{ id: `node:/${place}`, kind: "generic", name: "node", version: numbers.join("."), place },
    ...{ licence: "MIT", layer: layerOf(tree, path) },
  };
}

type Manifest = Readonly<Record<string, unknown>>;

function manifestIn(text: string): Manifest | undefined {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function keysOf(value: unknown): string[] {
  return isObject(value) ? Object.keys(value) : [];
}

function licenceIn({ license, licenses }: Manifest): string | undefined {
  const typeOf = (value: unknown) => lineIn(isObject(value) ? value["type"] : value);
  const said = typeOf(license);
  if (said !== undefined || !Array.isArray(licenses)) return said;
  const all = licenses.flatMap((each) => typeOf(each) ?? []);
  return all.length > 1 ? `(${all.join(" OR ")})` : all[0];
}

function authorIn(author: unknown): string | undefined {
  if (!isObject(author)) return lineIn(author);
  const [name, email] = [lineIn(author["name"]), lineIn(author["email"])];
  return name === undefined || email === undefined ? name : `${name} <${email}>`;
}
