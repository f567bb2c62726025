/** What is said of an image that was written: what it is made of, how much was sent, and what to do with it. */
import type { BuiltImage, LayerContents, Written, WrittenIndex, WrittenLayer } from "#app";
import { layerCompression } from "#oci";
import { counted, formatBytes, nameOf, table } from "#report";
import { duration } from "./duration.ts";
import { imageAt, nextLines, placeOf, type Running, wordsFor } from "./place.ts";

/** An image that was written; of one that was built, also what it is made of. */
export interface Summarised extends Running, Partial<Pick<BuiltImage, "contents" | "base">> {
  readonly places: readonly Written[];
}

/**
 * Lines about an image that was written: at most seven if it is at one place.
 * @param seconds how long that took
 */
export function summaryLines(image: Summarised, seconds: number): string[] {
  const { places } = image;
  const [only] = places;
  const rows = contentRows(image);
  if (only === undefined || places.length > 1) {
    const each = places.map((place) => `${placeSentence(place)}, ${place.digest}`);
    return [...rows, ...each, `Took ${duration(seconds)}`];
  }
  return [...rows, placeSentence(only, seconds), `  ${only.digest}`, ...nextLines(only, image)];
}

/** Lines about an index that was written. */
export function indexLines(index: WrittenIndex, seconds: number): string[] {
  return [indexSentence(index, seconds), `  ${index.digest}`];
}

/** That an index is at a place, and how many bytes its images took: what several of them have in common counts once. */
export function indexSentence({ destination, images }: WrittenIndex, seconds?: number): string {
  const [first] = images;
  const byDigest = new Map(
    images.flatMap(({ layers }) => layers.map((layer) => [layer.digest, layer] as const)).reverse(),
  );
  const bytes = first === undefined ? "" : bytesOf({ ...first, destination, layers: [...byDigest.values()] });
  const time = seconds === undefined ? "" : ` in ${duration(seconds)}`;
  const { image: verb } = wordsFor(placeOf({ destination }));
  return `${verb} an index of ${counted(images.length, "image")} to ${destination}${time}${bytes}`;
}

/** A line for each layer, from the bottom up: its size as it is stored, where it came from, and what is in it. */
export function layerLines({ places, contents }: Summarised): string[] {
  const isNode = isOfNode(contents);
  return places.flatMap((place) => {
    const rows = place.layers.map((layer, index) => {
      const { kind, names } = contents?.[index] ?? {};
      return [
        String(index + 1),
        layer.digest.slice(7, 19),
        formatBytes(layer.size),
        outcomeWords(place)[layer.outcome],
        ...(kind === undefined ? [] : [rowOf(kind, isNode)]),
        (names ?? layer.components.map((id) => nameOf({ id }))).join(", "),
      ];
    });
    if (rows.length === 0) return [];
    const size = storedAs(place.layers).toUpperCase();
    const kinds = contents === undefined ? [] : ["KIND"];
    const headings = ["LAYER", "DIGEST", size, "", ...kinds, isNode ? "PACKAGES" : "COMPONENTS"];
    const text = table(headings, rows, ["right", "left", "right", "left", "left", "left"]);
    return [...(places.length === 1 ? [] : [`${place.destination}, ${place.digest}:`]), ...text.split("\n")];
  });
}

type Kind = LayerContents["kind"];

/** The rows of the table, the top layers first. */
const KINDS: readonly Kind[] = ["app", "workspace", "dependencies", "store paths", "customisation", "base"];

const NODE_KINDS: ReadonlySet<Kind> = new Set(["app", "workspace", "dependencies"]);

/** What is made of a Node project has these, and nothing else has. */
function isOfNode(contents: Summarised["contents"]): boolean {
  return contents?.some(({ kind }) => NODE_KINDS.has(kind)) ?? false;
}

/** What the spec of a project puts into the root is the project's, too. */
function rowOf(kind: Kind, isNode: boolean): Kind {
  return isNode && kind === "customisation" ? "app" : kind;
}

/** A table of what was built: layers, components and bytes of each kind. */
function contentRows({ contents, base, places }: Summarised): string[] {
  const [place] = places;
  if (contents === undefined || place === undefined) return [];
  const isNode = isOfNode(contents);
  const isIn = (row: Kind, { kind }: LayerContents) => rowOf(kind, isNode) === row;
  const rows = KINDS.flatMap((kind) => {
    const layers = place.layers.filter((_, index) => isIn(kind, contents[index]!));
    if (layers.length === 0) return [];
    const names = contents.filter((each) => isIn(kind, each)).flatMap(({ names }) => names);
    // The project is no package of itself.
    const count = kind === "app" ? names.length - 1 : names.length;
    const components = count > 0 ? counted(count, kind === "store paths" ? "path" : "package") : "";
    const outcome = places.length > 1 ? "" : outcomeOf(layers, place);
    const from = kind === "base" && base !== undefined ? `(${base})` : "";
    const bytes = formatBytes(total(layers));
    return [[kind, counted(layers.length, "layer"), components, bytes, `${outcome} ${from}`.trim()]];
  });
  const [, ...lines] = table(["", "", "", "", ""], rows, ["left", "right", "right", "right", "left"]).split(
    "\n",
  );
  return lines.map((line) => `  ${line}`);
}

/** Whether layers were sent; where only some were, how many bytes they have. */
export function outcomeOf(layers: readonly WrittenLayer[], place: Written): string {
  const parts = outcomes(layers, place);
  return parts.length === 1 ? parts[0]!.word : parts.map(({ text }) => text).join(", ");
}

/** That an image is at a place, and how many bytes that took. */
function placeSentence(place: Written, seconds?: number): string {
  const time = seconds === undefined ? "" : ` in ${duration(seconds)}`;
  return `${wordsFor(placeOf(place)).image} ${imageAt(place)}${time}${bytesOf(place)}`;
}

function bytesOf(place: Written): string {
  const bytes = outcomes(place.layers, place).map(({ text }) => text);
  return bytes.length === 0 ? "" : `: ${bytes.join(", ")} (${storedAs(place.layers)})`;
}

function outcomeWords(place: Written): Record<WrittenLayer["outcome"], string> {
  return { written: wordsFor(placeOf(place)).layer, mounted: "mounted", present: "already there" };
}

/** How many bytes of layers were sent, and so on. */
function outcomes(layers: readonly WrittenLayer[], place: Written): { word: string; text: string }[] {
  return Object.entries(outcomeWords(place)).flatMap(([outcome, word]) => {
    const those = layers.filter((layer) => layer.outcome === outcome);
    return those.length === 0 ? [] : [{ word, text: `${formatBytes(total(those))} ${word}` }];
  });
}

/** What the sizes of layers mean. */
function storedAs(layers: readonly WrittenLayer[]): string {
  const plain = layers.filter(({ mediaType }) => layerCompression(mediaType) === "none").length;
  if (plain === 0) return "compressed";
  return plain === layers.length ? "uncompressed" : "as stored, not all compressed";
}

export function total(layers: readonly WrittenLayer[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}
