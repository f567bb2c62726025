/** What a references graph says of an image's components. */
import { kindOf, partsOf, type ReferencesGraph } from "#graph";
import type { Digest } from "#oci";
import { integrityHashes, narHashes } from "./hashes.ts";
import type { BomPart } from "./model.ts";
import { nixName } from "./nix-name.ts";
import { npmPurl, purlOf } from "./purl.ts";

export interface GraphPartsOptions {
  /** The diff IDs of the layers that components are in, by their ids; what isn't in any isn't in the image. */
  readonly layers: ReadonlyMap<string, Digest>;
  /** The folder in the image that a Node project is in; absolute. */
  readonly root: string;
}

type Component = ReferencesGraph["components"] extends ReadonlyMap<string, infer C> ? C : never;

/** The components of a graph that are in an image's layers. */
export function graphParts(graph: ReferencesGraph, options: GraphPartsOptions): BomPart[] {
  const found: BomPart[] = [];
  const included = new Set<string>();
  for (const component of graph.components.values()) {
    const layer = options.layers.get(component.id);
    if (layer === undefined) continue;
    const part = graph.kind === "nix" ? storePart(component) : nodePart(component, { graph, ...options });
    if (part === undefined) continue;
    included.add(component.id);
    found.push({ ...part, layer });
  }
  // What is no package of its own, such as the links in a `node_modules`, hands on what it needs.
  const through = (ids: readonly string[], seen: Set<string>): string[] =>
    ids.flatMap((id) => {
      if (included.has(id)) return [id];
      if (seen.has(id)) return [];
      seen.add(id);
      return through(graph.components.get(id)?.references ?? [], seen);
    });
  return found.map((part) => ({ ...part, dependsOn: through(part.dependsOn ?? [], new Set()) }));
}

function storePart({ id, references, narHash }: Component): BomPart {
  const { name, version, output, hash } = nixName(id) ?? {
    name: id.slice(id.lastIndexOf("/") + 1),
    version: "",
  };
  return {
    ...{ id, type: "library", name, version, place: id, dependsOn: references },
    ...(hash !== undefined && {
      purl: purlOf({ type: "nix", name, version, qualifiers: { output, outputhash: hash } }),
    }),
    ...(narHash !== undefined && { hashes: narHashes(narHash), facts: { "nar-hash": narHash } }),
  };
}

function nodePart(
  component: Component,
  { graph, root }: GraphPartsOptions & { graph: ReferencesGraph },
): BomPart | undefined {
  const { id, name, version = "", references, integrity } = component;
  const isInstalled = kindOf(graph, id) === "dependency";
  // A workspace's root without a package of its own has links only; and files that are no package have no name.
  if (name === undefined || (graph.app !== undefined && id === ".")) return undefined;
  const [{ place } = { place: id }] = partsOf(component);
  return {
    ...{ id, type: isInstalled ? "library" : "application", name, version, dependsOn: references },
    purl: npmPurl(name, version),
    place: joined(root, isInstalled && !id.startsWith("/") ? packageFolder(id, name) : place),
    ...(integrity !== undefined && { hashes: integrityHashes(integrity) }),
    ...(component.license !== undefined && { licence: component.license }),
    ...(component.author !== undefined && { author: component.author }),
  };
}

/** In a virtual store a component is the folder around the package and the links to what it needs. */
function packageFolder(id: string, name: string): string {
  return id.endsWith(`node_modules/${name}`)
    ? id
    : /\/\.(?:pnpm|store|bun)\/[^/]+$/.test(id)
      ? `${id}/node_modules/${name}`
      : id;
}

function joined(root: string, place: string): string {
  const parts: string[] = [];
  for (const part of `${root}/${place}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
