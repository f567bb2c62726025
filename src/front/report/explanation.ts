/** The text that `varve why` prints. */
import type { ComponentChange, FileChange, ImageComparison, LayerComparison, LayerCost } from "#compare";
import type { Descriptor } from "#oci";
import { shown } from "#util";
import { counted } from "./plan/names.ts";
import { formatBytes, table } from "./table.ts";

/** How many lines a layer gets, and how many names a line. */
const LINES = 5;
const NAMES = 3;
const MAX_LENGTH = 100;

/** What is reported about the images that were compared. */
interface Compared {
  readonly source: { readonly layers: readonly unknown[] };
  readonly target: { readonly config: Descriptor };
  readonly licences?: readonly { readonly name: string; readonly from?: string; readonly to: string }[];
}

/** A comparison in words: a summary, the layers that differ and why, and what else there is to know. */
export function explain(comparison: ImageComparison, { source, target, licences = [] }: Compared): string {
  const differing = comparison.layers.filter(({ state }) => state !== "same");
  const notes = [
    ...baseNote(comparison),
    ...goneNotes(comparison),
    ...licenceNotes(licences),
    ...placeNotes(comparison),
    ...configNotes(comparison, { source, target }),
  ];
  return [
    summary(comparison, differing.length),
    ...(differing.length === 0 ? [] : ["", layerTable(differing)]),
    ...(notes.length === 0 ? [] : ["", ...notes]),
    "",
  ].join("\n");
}

function summary({ layers, gone, cost, configDiffers }: ImageComparison, differing: number): string {
  if (differing === 0) {
    const alike = gone.length === 0 && cost.extracted.layers === 0;
    if (!configDiffers && alike) return "Nothing differs: pushing it sends nothing.";
    return `No layer ${alike ? "differs" : "is new"}: only the config would be sent.`;
  }
  const bytes = `${formatBytes(cost.sent.bytes)} of ${formatBytes(cost.total.bytes)}`;
  const verb = differing === 1 ? "differs" : "differ";
  const compression = cost.uncompressed ? " (before they are compressed)" : "";
  return `${differing} of ${counted(layers.length, "layer")} ${verb}: ${bytes} would be sent${compression}.`;
}

function layerTable(layers: readonly LayerComparison[]): string {
  const rows = layers.flatMap((layer) =>
    linesOf(layer).map((line, index) =>
      index === 0 ? [String(layer.index + 1), formatBytes(layer.size), line] : ["", "", line],
    ),
  );
  return table(["LAYER", "SIZE", "WHY"], rows, ["right", "right", "left"]);
}

/** Why a layer differs, the most telling first. */
function linesOf(layer: LayerComparison): string[] {
  if (layer.state === "recompressed") return ["the same content, compressed otherwise"];
  const lines = linesOfChanges(layer.changes);
  if (lines.length === 0) {
    if (layer.reasons.includes("order")) return ["the same components in another order"];
    return [layer.state === "new" ? "new, and empty" : "the same files, written as another archive"];
  }
  const { components = 0, size = 0 } = layer.unchanged ?? {};
  // Often this is the real reason why so much is sent.
  if (components > 0)
    lines.push(`with it ${counted(components, "component")} unchanged (${formatBytes(size)})`);
  else if (size > 0) lines.push(`with it files unchanged (${formatBytes(size)})`);
  return lines;
}

function linesOfChanges(changes: readonly ComponentChange[]): string[] {
  const groups = Map.groupBy(changes, reasonText);
  const lines = [...groups].map(([reason, group]) => {
    const names = listed(group.map(({ name }) => name));
    return tidy(`${names}: ${reason}`);
  });
  if (lines.length <= LINES) return lines;
  const rest = [...groups.values()].slice(LINES - 1).flat();
  const reasons = new Set(rest.flatMap((change) => change.reasons));
  return [...lines.slice(0, LINES - 1), `and ${rest.length} more: ${[...reasons].join(", ")}`];
}

/** All reasons of a change; equal texts are printed once for all components that have them. */
function reasonText(change: ComponentChange): string {
  const { files = {}, fromVersion, version, replaces, component } = change;
  return change.reasons
    .map((reason): string => {
      switch (reason) {
        case "version":
          return `${fromVersion} → ${version}`;
        case "rebuilt":
          return version === undefined ? "rebuilt" : `${version} rebuilt`;
        case "added":
        case "removed":
          return [version ?? fromVersion, reason].filter(Boolean).join(" ");
        case "moved":
          return `was in layer ${change.fromLayer! + 1}`;
        case "left":
          return `is in layer ${change.toLayer! + 1} now`;
        case "place":
          return `another path, ${replaces} → ${component}`;
        case "content":
          return contentText(change);
        case "links":
          // Store paths are long, and a link that leads into another build says nothing new.
          return files.links === undefined ? "links" : `links (${namesOf(files.links)})`;
        case "attributes":
          return aspectText("extended attributes", files.attributes);
        case "order":
          return "files in another order";
        case "encoding":
          return "written otherwise";
        default:
          return aspectText(reason, files[reason]);
      }
    })
    .join("; ");
}

function contentText({ files = {} }: ComponentChange): string {
  const parts = [
    [files.content, ""],
    [files.added, "new "],
    [files.removed, "without "],
  ] as const;
  const told = parts.flatMap(([change, word]) => (change === undefined ? [] : [word + namesOf(change)]));
  return `content (${told.join("; ")})`;
}

function aspectText(aspect: string, change: FileChange | undefined): string {
  if (change === undefined) return aspect;
  const { from, to } = change;
  // A reason that many files share is printed without their names, so that components can be combined.
  if (from !== undefined && to !== undefined && change.count > 1) return `${aspect} ${from} → ${to}`;
  const values = from === undefined || to === undefined ? "" : ` ${from} → ${to}`;
  return `${aspect}${values} (${namesOf(change)})`;
}

function namesOf({ count, names }: FileChange): string {
  return listed(
    names.map((name) => (name === "" ? "itself" : name)),
    count,
  );
}

/** The first names, and how many more there are. */
function listed(names: readonly string[], count = names.length): string {
  const told = names.slice(0, count === NAMES + 1 ? NAMES + 1 : NAMES);
  const more = count - told.length;
  return more === 0 ? told.join(", ") : `${told.join(", ")} and ${more} more`;
}

function baseNote({ baseChanged }: ImageComparison): string[] {
  return baseChanged === true ? ["The base image is another one."] : [];
}

function goneNotes({ gone }: ImageComparison): string[] {
  if (gone.length === 0) return [];
  const names = gone.flatMap(({ changes }) => changes.map(({ name }) => name));
  const held = names.length === 0 ? "" : `, which held ${listed(names)}`;
  return [
    tidy(
      `${counted(gone.length, "layer")} of the other image ${gone.length === 1 ? "is" : "are"} gone${held}.`,
    ),
  ];
}

/** One line for each licence that packages came under, and for each change of one. */
function licenceNotes(licences: NonNullable<Compared["licences"]>): string[] {
  const groups = Map.groupBy(licences, ({ from, to }) => {
    return from === undefined ? `Came under ${to}` : `Was under ${from} and is under ${to}`;
  });
  const lines = [...groups].map(([words, group]) =>
    tidy(`${words}: ${listed(group.map(({ name }) => name))}.`),
  );
  if (lines.length <= LINES) return lines;
  return [
    ...lines.slice(0, LINES - 1),
    `Came under ${lines.length - LINES + 1} other licences: see varve diff-sbom.`,
  ];
}

function placeNotes({ layers, cost }: ImageComparison): string[] {
  const { sent, pulledByGraphDriver: classic } = cost;
  const moved = layers.filter(({ state, from, index }) => state === "same" && from !== index).length;
  const notes: string[] = [];
  if (moved > 0) {
    const verb = moved === 1 ? "is" : "are";
    notes.push(`${counted(moved, "unchanged layer")} ${verb} at another position; that sends nothing.`);
  }
  if (classic.layers > 0) notes.push(pullNote(cost));
  if (sent.layers > 0 && cost.documents > 0)
    notes.push(`Config and manifest are ${formatBytes(cost.documents)} more.`);
  return notes;
}

/** What each kind of engine pulls. */
function pullNote({ pulled, pulledByGraphDriver: classic }: ImageComparison["cost"]): string {
  const cost = ({ layers, bytes }: LayerCost) => `${counted(layers, "layer")}, ${formatBytes(bytes)}`;
  if (classic.layers === pulled.layers) return `Each engine pulls ${cost(pulled)}.`;
  const others = pulled.layers === 0 ? "nothing" : cost(pulled);
  return `podman and containerd pull ${others}; the Docker Engine with a classic graph driver pulls the lowest that has changed and all above: ${cost(classic)}.`;
}

function configNotes(
  { config, configDiffers, layers }: ImageComparison,
  { source, target }: Compared,
): string[] {
  if (config.length > 0) {
    const fields = config.map(({ field, keys }) =>
      keys === undefined ? field : `${field} (${listed(keys)})`,
    );
    return [tidy(`The config differs in ${fields.join(", ")}.`)];
  }
  const sameLayers = layers.length === source.layers.length && layers.every(({ state }) => state === "same");
  // On top of other layers it differs anyway.
  if (!configDiffers || !sameLayers) return [];
  const { size } = target.config;
  return [
    `The configs differ in their history or their bytes only; it is another image all the same (${formatBytes(size)}).`,
  ];
}

/** A line of limited length: names come from images, and may contain anything. */
function tidy(line: string): string {
  return shown(line, MAX_LENGTH);
}
