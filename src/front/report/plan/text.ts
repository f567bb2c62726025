/** The text that `varve plan` prints: a table of the layers, what updates send, and how the budget is used. */
import { shown } from "#util";
import { formatBytes, table } from "../table.ts";
import type { PlanComparison } from "./against.ts";
import { answers } from "./answers.ts";
import { counted, nameOf, percent, touchedShare, updateText, wordsFor } from "./names.ts";
import type { Grouping, PlanReport, ReportedLayer } from "./report.ts";

const SHOWN_LENGTH = 40;
/** How many units are named of those that touch a layer. */
const SHOWN_UNITS = 3;
const SHOWN_UNIT_LENGTH = 24;

/** A report in words and tables. */
export function planText(report: PlanReport): string {
  return [
    ...answerLines(report),
    ...summary(report),
    ...(report.plan.layers.length === 0 ? [] : ["", layerTable(report)]),
    ...(report.plan.layers.length === 0 ? [] : ["", ...updates(report)]),
    ...report.against.flatMap((comparison) => ["", ...against(comparison, report)]),
    "",
  ].join("\n");
}

/** First of all, what a Node project's developers ask. */
function answerLines(report: PlanReport): string[] {
  const lines = answers(report).map(({ question, answer }) => `${`${question}:`.padEnd(17)}${answer}`);
  return lines.length === 0 ? [] : [...lines, ""];
}

function summary({ image, graph, components, size, budget, plan, absent }: PlanReport): string[] {
  const { maxLayers, base, customisation, available, used } = budget;
  const words = wordsFor(graph);
  const what = image === undefined ? `a graph of ${graph}` : shown(image);
  const parts = [
    ...(base === 0 ? [] : [`${base} of the base image`]),
    ...(customisation === 0 ? [] : [`1 ${words.rest}`]),
    `${used} of ${words.one}s`,
  ];
  const left = available - used;
  return [
    `Plan:    ${what}: ${counted(components, words.one)}, ${formatBytes(size)}, grouped by ${plan.name}`,
    `Budget:  ${counted(maxLayers, "layer")} at most: ${parts.join(", ")}; ${left === 0 ? "none" : left} left`,
    ...(absent.length === 0
      ? []
      : [
          `Note:    the files of ${counted(absent.length, words.one)} aren't on this machine, so NAR sizes stand in for theirs`,
        ]),
  ];
}

function layerTable({ graph, plan, against }: PlanReport): string {
  const [only] = against.length === 1 ? against : [];
  const rows = plan.layers.map((layer, at) => {
    const { number, size, share, components } = layer;
    const sent = only === undefined ? [] : [sentText(only, at)];
    return [
      String(number),
      formatBytes(size),
      percent(share),
      String(components.length),
      shown(largestOf(layer), SHOWN_LENGTH),
      touchedText(layer),
      ...sent,
    ];
  });
  const headings = [
    "LAYER",
    "SIZE",
    "SHARE",
    `${wordsFor(graph).one.toUpperCase()}S`,
    "LARGEST",
    "TOUCHED BY",
  ];
  return table(only === undefined ? headings : [...headings, "SENT"], rows, [
    "right",
    "right",
    "right",
    "right",
    "left",
    "left",
    "left",
  ]);
}

/** The name of the largest component; of equals, the first. */
function largestOf({ components }: ReportedLayer): string {
  return components.reduce((best, each) => (each.size > best.size ? each : best)).name;
}

/** Such as `12% of updates: openssl, zlib and 2 more`. */
function touchedText({ touched }: ReportedLayer): string {
  const { by } = touched;
  const count = by.length === SHOWN_UNITS + 1 ? SHOWN_UNITS + 1 : SHOWN_UNITS;
  const names = by.slice(0, count).map((name) => shown(nameOfUnit(name), SHOWN_UNIT_LENGTH));
  const more = by.length - names.length;
  return `${touchedShare(touched)}: ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** A project without a name is known by its folder. */
function nameOfUnit(name: string): string {
  return name === "." ? nameOf({ id: name }) : name;
}

function sentText({ layers }: PlanComparison, at: number): string {
  const { there, unchanged } = layers[at]!;
  if (there) return "no";
  return unchanged === 0 ? "yes" : `yes, ${formatBytes(unchanged)} of it unchanged`;
}

function updates({ graph, plan, others, floor, components, units }: PlanReport): string[] {
  const relative = (resent: number): string => (floor === 0 ? "-" : `${(resent / floor).toFixed(2)}x`);
  const row = ({ name, layers, resent }: Grouping): string[] => [
    name,
    String(layers.length),
    formatBytes(resent),
    relative(resent),
  ];
  const rows = [
    row(plan),
    ...others.map(row),
    [`one ${wordsFor(graph).one} a layer`, String(components), formatBytes(floor), relative(floor)],
  ];
  return [
    `${updateText(graph, units)} It sends again, on average:`,
    "",
    table(["GROUPED BY", "LAYERS", "BYTES", "OF THE FLOOR"], rows, ["left", "right", "right", "right"]),
  ];
}

function against(
  { place, there, sent, above, base }: PlanComparison,
  { graph, budget, plan }: PlanReport,
): string[] {
  const total = plan.layers.length;
  const { one } = wordsFor(graph);
  const has = `${shown(place)} has ${there.layers} of ${counted(total, "layer")} of ${one}s (${formatBytes(there.bytes)})`;
  const lacks =
    sent.layers === 0
      ? "none of them is sent"
      : `${counted(sent.layers, "layer")}, ${formatBytes(sent.bytes)}, would be sent`;
  return [
    `${has}: ${lacks}, before compression.`,
    ...(budget.base === 0 ? [] : [`It has ${base} of ${counted(budget.base, "layer")} of the base image.`]),
    ...(above.layers === sent.layers
      ? []
      : [
          `Docker's classic graph drivers fetch all from the lowest of them up: ${counted(above.layers, "layer")}, ${formatBytes(above.bytes)}.`,
        ]),
    `What is in the root besides ${one}s isn't planned; varve why measures it.`,
  ];
}
