/** Which components shared a layer in an earlier build, so that the next build can keep them together. */
import * as z from "zod";
import { VarveError } from "#errors";
import type { ReferencesGraph } from "#graph";
import { checkSchema, compareNames, parseJson } from "#util";
import { keysOf, versionOf } from "./key.ts";
import { keyHash, parseShortLayer, shortLayer } from "./short-layout.ts";

/** The annotation of an image's manifest that holds its layout. */
export const LAYOUT_ANNOTATION = "dev.varve.layout";

/** The component layers in their order: for each layer the keys of its components, and the version of each. */
export interface Layout {
  readonly layers: readonly ReadonlyMap<string, string>[];
  /**
   * Present where keys and versions are hashes of them, as in a Node project's image: what stands for each layer as a whole,
   * undefined for one that may have changed without a sign.
   */
  readonly hashes?: readonly (string | undefined)[];
}

/** More bytes than any manifest may have. */
const MAX_BYTES = 16 * 1024 * 1024;

/** More bytes than any lock file has. */
export const MAX_LAYOUT_BYTES = 64 * 1024 * 1024;

const schema = z.discriminatedUnion("version", [
  z.strictObject({ version: z.literal(1), layers: z.array(z.record(z.string(), z.string())) }),
  z.strictObject({ version: z.literal(2), layers: z.array(z.string()) }),
]);

/** The layout of a plan: `groups` are its component ids. */
export function layoutOf(graph: ReferencesGraph, groups: readonly (readonly string[])[]): Layout {
  const keys = keysOf(graph);
  const layers = groups.map((ids) => {
    const entries = ids.map((id) => [keys.get(id)!, versionOf(graph.components.get(id)!)] as const);
    return new Map(entries.sort(([a], [b]) => compareNames(a, b)));
  });
  return { layers };
}

/**
 * A layout's text as an image keeps it: as a file has it, or for a Node project in a short form with hashes,
 * since it goes with each push.
 */
export function annotationOf(graph: ReferencesGraph, groups: readonly (readonly string[])[]): string {
  if (graph.kind !== "npm") return formatLayout(layoutOf(graph, groups));
  const keys = keysOf(graph);
  return JSON.stringify({ version: 2, layers: groups.map((ids) => shortLayer(ids, graph, keys)) });
}

/** What a layout calls a component with this key. */
export function nameIn({ hashes }: Layout, key: string): string {
  return hashes === undefined ? key : keyHash(key);
}

/** A layout as JSON, for a file. Each layer has its own line, which suits version control. It can't be one of hashes. */
export function formatLayout(layout: Layout): string {
  return `{\n  "version": 1,\n  "layers": [\n${layoutLines(layout, "    ")}\n  ]\n}\n`;
}

/** A layout's layers as items of a list, a line each. */
export function layoutLines({ layers }: Layout, indent: string): string {
  return layers.map((layer) => indent + JSON.stringify(Object.fromEntries(layer))).join(",\n");
}

/**
 * Reads what {@link formatLayout} writes, and what images have in the annotation {@link LAYOUT_ANNOTATION}.
 *
 * @param what - names the text in messages, such as a file's path.
 * @throws VarveError INVALID_LAYOUT, INVALID_JSON or TOO_LARGE
 */
export function parseLayout(text: string | Uint8Array, what: string): Layout {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const value = parseJson(bytes, { what, maxBytes: MAX_BYTES });
  const layout = checkSchema(schema, value, { code: "INVALID_LAYOUT", what });
  if (layout.version === 2) {
    const layers = layout.layers.map((layer) => parseShortLayer(layer, what));
    return { layers: layers.map(({ states }) => states), hashes: layers.map(({ hash }) => hash) };
  }
  return layoutIn(layout.layers, what);
}

/**
 * A layout of keys and versions.
 * @throws VarveError INVALID_LAYOUT if a key is in two layers
 */
export function layoutIn(layers: readonly Readonly<Record<string, string>>[], what: string): Layout {
  const seen = new Set<string>();
  for (const key of layers.flatMap((layer) => Object.keys(layer))) {
    if (seen.has(key))
      throw new VarveError("INVALID_LAYOUT", `${what} has ${JSON.stringify(key)} in two layers`);
    seen.add(key);
  }
  return { layers: layers.map((layer) => new Map(Object.entries(layer))) };
}

const weightsSchema = z.record(z.string(), z.int().min(1));

/**
 * Reads a file of weights: an object from the names of units, which are keys of components unless units were given, to
 * whole numbers of 1 or more.
 *
 * @throws VarveError INVALID_LAYOUT, INVALID_JSON or TOO_LARGE
 */
export function parseWeights(text: string | Uint8Array, what: string): ReadonlyMap<string, number> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const value = parseJson(bytes, { what, maxBytes: MAX_BYTES });
  return new Map(Object.entries(checkSchema(weightsSchema, value, { code: "INVALID_LAYOUT", what })));
}
