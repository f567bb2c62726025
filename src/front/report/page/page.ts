/** The page of `varve plan --html`: one file that needs no network, and no script to be read or printed. */
import { createHash } from "node:crypto";
import type { ReferencesGraph } from "#graph";
import { answers } from "../plan/answers.ts";
import { counted, updateText, wordsFor } from "../plan/names.ts";
import type { PlanReport } from "../plan/report.ts";
import { type PageData, type PageImage, pageData } from "../plan/views.ts";
import { formatBytes } from "../table.ts";
import { escaped, nameHtml, scriptJson } from "./html.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { layerTable, legend, tileRules, viewHtml } from "./view.ts";

export interface PageInput {
  readonly report: PlanReport;
  readonly graph: ReferencesGraph;
  /** What the plan is compared with. */
  readonly images: readonly PageImage[];
}

/** A report as a page: the same bytes for the same report. */
export function planPage({ report, graph, images }: PageInput): string {
  const data = pageData(report, { graph, images });
  const title = report.image === undefined ? "Layers of a graph" : `Layers of ${report.image}`;
  // Tiles are placed by rules, since the page's policy for styles doesn't allow style attributes.
  const style = `${STYLE}\n${data.views.map(tileRules).join("\n")}`;
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(SCRIPT)}`,
    `style-src ${hashOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy.join("; "))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${report.image === undefined ? "Layers of a graph" : `Layers of ${nameHtml(report.image)}`}</h1>
${answersHtml(report)}${summary(report)}
</header>
<main>
${report.plan.layers.length === 0 ? "<p>No components are in the image.</p>" : body(report, data)}
</main>
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** First of all, what a Node project's developers ask. */
function answersHtml(report: PlanReport): string {
  const lines = answers(report).map(
    ({ question, answer }) => `<dt>${escaped(question)}</dt><dd>${escaped(answer)}</dd>`,
  );
  return lines.length === 0 ? "" : `<dl class="answers">${lines.join("\n")}</dl>\n`;
}

function summary({ graph, components, size, plan, budget, absent }: PlanReport): string {
  const words = wordsFor(graph);
  const { maxLayers, base, customisation, available, used } = budget;
  const rest = available - used;
  const parts = [
    ...(base === 0 ? [] : [`${base} of the base image`]),
    ...(customisation === 0 ? [] : [`1 ${words.rest}`]),
    `${used} of ${words.one}s`,
  ];
  const note =
    absent.length === 0
      ? ""
      : `\n<p>The files of ${counted(absent.length, words.one)} aren’t on this machine, so NAR sizes stand in for theirs.</p>`;
  return `<p><b>${counted(components, words.one)}</b>, <b>${formatBytes(size)}</b>, grouped by <b>${escaped(plan.name)}</b>.
Of at most ${counted(maxLayers, "layer")}: ${parts.join(", ")}; ${rest === 0 ? "none" : rest} left.</p>${note}`;
}

function body(report: PlanReport, { views, pieces }: PageData): string {
  const others = views
    .slice(1)
    .map((view, at) => `<option value="${at + 1}">${escaped(view.name)}</option>`)
    .join("");
  const first = `<option value="0">${escaped(views[0]!.name)}</option>`;
  return `<section aria-labelledby="updates-title">
<h2 id="updates-title">What an update sends again</h2>
${updatesTable(report)}
${report.against.map((comparison) => againstText(report, comparison)).join("\n")}
</section>
<section aria-labelledby="layers-title">
<h2 id="layers-title">Layers</h2>
<div class="controls" id="controls" hidden>
<label>Show <select id="left">${first}${others}</select></label>
<label>beside <select id="right"><option value="">nothing</option>${first}${others}</select></label>
</div>
${legend(report.graph)}
<div class="maps" id="maps">
${views.map((view, at) => viewHtml(view, { at, pieces, kind: report.graph })).join("\n")}
</div>
<section id="details" class="details" aria-labelledby="details-title" hidden>
<h3 id="details-title" tabindex="-1"></h3>
<div id="details-body"></div>
</section>
<section id="moved" class="moved" aria-labelledby="moved-title" hidden>
<h3 id="moved-title">What moved</h3>
<div id="moved-body"></div>
</section>
<div class="tables">
${views.map((view, at) => layerTable(view, { at, pieces })).join("\n")}
</div>
</section>`;
}

function updatesTable({ graph, plan, others, floor, components, units }: PlanReport): string {
  const most = Math.max(plan.resent, floor, ...others.map(({ resent }) => resent), 1);
  const row = (name: string, { layers, resent }: { layers: number; resent: number }) =>
    `<tr><th scope="row">${escaped(name)}</th><td>${layers}</td><td>${formatBytes(resent)}</td><td>${
      floor === 0 ? "–" : `${(resent / floor).toFixed(2)}×`
    }</td><td class="bar"><meter min="0" max="${most}" value="${resent}" aria-hidden="true"></meter></td></tr>`;
  const rows = [plan, ...others].map(({ name, layers, resent }) =>
    row(name, { layers: layers.length, resent }),
  );
  return `<p>${updateText(graph, units)} This is what is sent again then, on average.</p>
<table class="updates">
<thead><tr><th scope="col">Grouped by</th><th scope="col">Layers</th><th scope="col">Bytes</th><th scope="col">Of the floor</th><td></td></tr></thead>
<tbody>
${[...rows, row(`one ${wordsFor(graph).one} a layer: the floor`, { layers: components, resent: floor })].join("\n")}
</tbody>
</table>`;
}

function againstText({ plan }: PlanReport, { place, there, sent }: PlanReport["against"][number]): string {
  return `<p>${nameHtml(place)} has ${there.layers} of ${counted(plan.layers.length, "layer")} of components (${formatBytes(there.bytes)}); ${counted(sent.layers, "layer")}, ${formatBytes(sent.bytes)}, would be sent, before compression.</p>`;
}
