/** Replays every stream on every graph and puts the ratios into tables. */
import { type Layout, layoutOf, shareLayers, steadyForSeries } from "#layering";
import { HISTORIES, historyOf, RHYTHMS, readHistory } from "./histories.ts";
import { floor, PLANNERS, type Planner, plan, replay, send } from "./replay.ts";
import { DRAWS, type Draw, versions } from "./stream.ts";
import type { World } from "./world.ts";

/** Each image is planned with the layouts of those before it. */
const SHARED = "steady, shared with";

const LAYERS = [10, 25, 50, 100];
const HISTORY_LAYERS = [10, 25, 50];
const UPDATES = 30;

/** The ratios of one graph under one stream with one number of layers, one a planner, the mean of all seeds. */
export interface Line {
  readonly world: string;
  readonly draw: Draw;
  readonly layers: number;
  readonly ratios: readonly number[];
}

export function replayAll(worlds: readonly World[], seeds: number, say: (line: string) => void): Line[] {
  const lines: Line[] = [];
  for (const world of worlds) {
    say(`${world.name}: ${world.packages.length} packages`);
    for (const draw of DRAWS) {
      const streams = Array.from({ length: seeds }, (_, seed) => [
        ...versions(world, draw, { seed: seed + 1, updates: UPDATES }),
      ]);
      const floors = streams.map(floor);
      for (const layers of LAYERS) {
        const ratios = PLANNERS.map((planner) =>
          mean(streams.map((stream, at) => replay(stream, planner, layers) / floors[at]!)),
        );
        lines.push({ world: world.name, draw, layers, ratios });
      }
    }
  }
  return lines;
}

/** The table of some lines, each a row; `first` names the row, and ratios are of as many planners as there are. */
export function table(
  rows: readonly { readonly first: readonly string[]; readonly ratios: readonly number[] }[],
  head: readonly string[],
  names: readonly string[] = PLANNERS.map(({ name }) => name),
): string {
  const cells = [
    [...head, ...names.slice(0, rows[0]?.ratios.length)],
    ...rows.map(({ first, ratios }) => [...first, ...ratios.map((ratio) => ratio.toFixed(2))]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const draw = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column < head.length ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column < head.length ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [draw(cells[0]!), rule, ...cells.slice(1).map(draw)].join("\n");
}

/** A table of what updates sent in real projects' histories. Their projects' files are on top whatever their weight is. */
export function histories(say: (line: string) => void): string {
  const planners = PLANNERS.filter(({ applicationWeight }) => applicationWeight === undefined);
  const rows = HISTORIES.flatMap((name) => {
    say(`${name}: replaying its history`);
    return RHYTHMS.flatMap((rhythm) => {
      const images = historyOf(readHistory(name), rhythm);
      const least = floor(images);
      return HISTORY_LAYERS.map((layers) => ({
        first: [name, rhythm, String(layers)],
        ratios: planners.map((planner) => replay(images, planner, layers) / least),
      }));
    });
  });
  return table(rows, ["project", "updates", "layers"]);
}

/** One row for each kind of graph, stream and number of layers: the geometric mean of its graphs. */
export function summary(lines: readonly Line[]): string {
  const kindOf = ({ world }: Line): string => world.split(" ")[0]!;
  const groups = Map.groupBy(lines, (line) => JSON.stringify([kindOf(line), line.draw, String(line.layers)]));
  const rows = [...groups].map(([name, members]) => ({
    first: JSON.parse(name) as string[],
    ratios: PLANNERS.map((_, at) => Math.exp(mean(members.map(({ ratios }) => Math.log(ratios[at]!))))),
  }));
  return table(rows, ["graphs", "changes", "layers"]);
}

/** What a registry holds of several images, relative to each component once. */
export function storage(worlds: readonly World[]): string {
  const images = worlds.map((world) => [...versions(world, "uniform", { seed: 1, updates: 0 })][0]!);
  const ideal = new Set<string>();
  const each = images.reduce(
    (sum, image) =>
      sum +
      send(
        [...image.graph.components.keys()].map((id) => [id]),
        image,
        ideal,
      ),
    0,
  );
  const held = (layers: number, plannerWith: (others: readonly Layout[]) => Planner): number => {
    const sent = new Set<string>();
    const others: Layout[] = [];
    const bytes = images.map((image) => {
      const groups = plan(image, plannerWith(others), { available: layers });
      others.push(layoutOf(image.graph, groups));
      return send(groups, image, sent);
    });
    return bytes.reduce((sum, each) => sum + each, 0) / each;
  };
  const rows = LAYERS.map((layers) => ({
    first: [String(layers)],
    ratios: [
      ...PLANNERS.map((planner) => held(layers, () => planner)),
      held(layers, (others) => ({ name: SHARED, strategy: () => shareLayers(others, steadyForSeries) })),
    ],
  }));
  return table(rows, ["layers"], [...PLANNERS.map(({ name }) => name), SHARED]);
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
