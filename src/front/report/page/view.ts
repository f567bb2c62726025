/** A grouping on the page: its map and its table. */

import type { GraphKind } from "#graph";
import { counted, percent } from "../plan/names.ts";
import type { PageLayer, PagePiece, PageView } from "../plan/views.ts";
import { formatBytes } from "../table.ts";
import { escaped, nameHtml } from "./html.ts";
import { type Tile, treemap } from "./treemap.ts";

/** The map's shape; its size is the window's. */
const MAP = { width: 1000, height: 560 };

/**
 * The limits of the colours: each colour is for layers up to this share of updates; above all limits the last colour is used. In a store
 * many updates touch a layer, since they spread; among a Node project's packages each touches one, so its 20 layers have a twentieth each.
 */
const HEATS: Readonly<Record<GraphKind, readonly number[]>> = {
  nix: [0.02, 0.05, 0.1, 0.25, 0.5],
  npm: [0.01, 0.025, 0.05, 0.1, 0.25],
};

interface Context {
  /** The view's number. */
  readonly at: number;
  readonly pieces: readonly PagePiece[];
  readonly kind: GraphKind;
}

/** What the colours mean. */
export function legend(kind: GraphKind): string {
  const more = kind === "npm" ? "more, or your code" : "more";
  const texts = [...HEATS[kind].map((heat) => `up to ${heat * 100}%`), more];
  const items = texts.map((text, heat) => `<li><span class="swatch heat${heat}"></span>${text}</li>`);
  return `<p class="legend-title" id="legend-title">A tile is a layer, as large as its bytes (the smallest are drawn a bit larger). Its colour says how many ${kind === "npm" ? "of the updates of packages" : "updates"} touch it:</p>
<ul class="legend" aria-labelledby="legend-title">${items.join("")}<li><span class="swatch unknown"></span>not known</li></ul>
<p class="hint" id="hint" hidden>Arrow keys go from layer to layer, Enter opens one, Escape closes it.</p>`;
}

function heatOf({ touched, isCode }: PageLayer, kind: GraphKind): string {
  if (touched === null) return "unknown";
  const heat = isCode ? -1 : HEATS[kind].findIndex((limit) => touched <= limit);
  return `heat${heat === -1 ? HEATS[kind].length : heat}`;
}

function tilesOf({ layers }: PageView): Tile[] {
  const sizes = layers.map(({ size }) => size);
  return treemap(sizes, MAP);
}

/** Where a view's tiles are. */
export function tileRules(view: PageView, at: number): string {
  const part = (value: number, whole: number) => `${Number(((value / whole) * 100).toFixed(3))}%`;
  return tilesOf(view)
    .map(
      ({ x, y, width, height }, layer) =>
        `#v${at}l${layer}{left:${part(x, MAP.width)};top:${part(y, MAP.height)};width:${part(width, MAP.width)};height:${part(height, MAP.height)}}`,
    )
    .join("\n");
}

/** A view's map. */
export function viewHtml(view: PageView, { at, pieces, kind }: Context): string {
  const tiles = tilesOf(view);
  const items = view.layers.map((layer, index) => {
    const name = layerName(layer, pieces);
    const label = escaped(`Layer ${layer.number}, ${name}: ${facts(layer)}`);
    const text = `<span class="number">${layer.number}</span> <span class="name">${nameHtml(name)}</span><span class="facts">${facts(layer)}</span>`;
    // A tile that is too small for its text shows it beside, towards the middle of the map.
    const { x, y } = tiles[index]!;
    const side = `${y > MAP.height / 2 ? "above" : "below"} ${x > MAP.width / 2 ? "left" : "right"}`;
    return `<li id="v${at}l${index}" class="cell"><button type="button" class="tile ${heatOf(layer, kind)}" data-view="${at}" data-layer="${index}" aria-expanded="false" aria-controls="details" aria-label="${label}"><span class="text">${text}</span><span class="badge" hidden></span></button><span class="tip ${side}" aria-hidden="true">${text}</span></li>`;
  });
  const figure = view.resent === null ? "" : `, ${formatBytes(view.resent)} an update`;
  return `<figure class="view" data-view="${at}"${at === 0 ? "" : " hidden"}>
<figcaption>${nameHtml(view.name)}<span class="quiet">: ${counted(view.layers.length, "layer")}${figure}</span></figcaption>
<ol class="map" aria-label="Layers of ${escaped(view.name)}">
${items.join("\n")}
</ol>
</figure>`;
}

/** A layer's caption: its largest component, and how many others there are. */
function layerName({ pieces: own }: PageLayer, pieces: readonly PagePiece[]): string {
  if (own.length === 0) return "no components";
  const largest = own
    .map((piece) => pieces[piece]!)
    .reduce((best, each) => ((each.size ?? 0) > (best.size ?? 0) ? each : best));
  return own.length === 1 ? largest.name : `${largest.name} and ${own.length - 1} more`;
}

function facts({ size, share }: PageLayer): string {
  return share === null ? formatBytes(size) : `${formatBytes(size)}, ${share}`;
}

/** A view's layers as a table: for print, for readers of screens, and for layers too small to be pressed. */
export function layerTable(view: PageView, { at, pieces }: Omit<Context, "kind">): string {
  const total = view.layers.reduce((sum, { size }) => sum + size, 0);
  const rows = view.layers.map((layer, index) => {
    const { number, size, share, by, units } = layer;
    const more = units > by.length ? ` and ${units - by.length} more` : "";
    const touching = share === null ? "not known" : `${share}: ${by.map(nameHtml).join(", ")}${more}`;
    return `<tr><th scope="row"><button type="button" class="link" data-view="${at}" data-layer="${index}" aria-controls="details">${number}</button></th><td>${formatBytes(size)}</td><td>${total === 0 ? "–" : percent(size / total)}</td><td class="text">${nameHtml(layerName(layer, pieces))}</td><td class="text">${touching}</td></tr>`;
  });
  return `<details class="table" data-view="${at}"${at === 0 ? " open" : " hidden"}>
<summary>Table: ${nameHtml(view.name)}</summary>
<table class="layers">
<thead><tr><th scope="col">Layer</th><th scope="col">Size</th><th scope="col">Share</th><th scope="col" class="text">Largest component</th><th scope="col" class="text">Touched by</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
</details>`;
}
