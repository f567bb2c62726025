/** What a benchmark answers with, and how it is put into words. */
import type { Pair, Spread } from "./run.ts";
import { DISTURBED, ratios, spread } from "./run.ts";

/** What a figure has to be for its target to be met; `within`: a ratio that differs from 1 by no more than that. */
export type Target = { atLeast: number } | { atMost: number } | { within: number };

/** One line of the report. */
export interface Row {
  /** What is measured, and against what. */
  what: string;
  unit: "s" | "ms" | "MiB" | "MB" | "kB" | "requests";
  ours: Spread;
  /** What ours is compared with; without it, the target is for ours. */
  theirs?: Spread;
  /** Of each run to the one beside it; the target is for this. */
  ratio?: Spread;
  /** Processor time in seconds, the median of each side: a busy machine disturbs it least. */
  cpu?: { ours: number; theirs: number };
  /** What others took of the machine meanwhile, the median of all runs, as a share of all its cores. */
  others?: number;
  /** Without one, the row is there to be known. */
  target?: Target;
  met: boolean;
}

/** How many times as fast ours should be, undefined where nothing is wanted; or how many times as long it may take. */
export type TimeOptions = { faster: number | undefined } | { slower: number; unit?: "ms" };

/** A row that compares time. */
export function timeRow(what: string, pair: Pair, options: TimeOptions): Row {
  const unit = "unit" in options ? "ms" : "s";
  const scale = unit === "ms" ? 1000 : 1;
  const walls = (samples: Pair["ours"]): Spread => spread(samples.map(({ wall }) => wall * scale));
  const isFaster = "faster" in options;
  const ratio = isFaster ? ratios(pair.theirs, pair.ours) : ratios(pair.ours, pair.theirs);
  const target = timeTarget(options);
  return {
    what,
    unit,
    ours: walls(pair.ours),
    theirs: walls(pair.theirs),
    ratio,
    cpu: { ours: medianCpu(pair.ours), theirs: medianCpu(pair.theirs) },
    others: spread([...pair.ours, ...pair.theirs].map((sample) => sample.others)).median,
    ...(target === undefined ? {} : { target }),
    met: target === undefined || meets(ratio.median, target),
  };
}

function timeTarget(options: TimeOptions): Target | undefined {
  if ("slower" in options) return { atMost: options.slower };
  return options.faster === undefined ? undefined : { atLeast: options.faster };
}

const medianCpu = (samples: Pair["ours"]): number => spread(samples.map(({ cpu }) => cpu)).median;

/** A row for memory: the largest peak of all runs has to stay under `mebibytes`. */
export function memoryRow(what: string, pair: Pair, mebibytes: number): Row {
  const peaks = (samples: Pair["ours"]): Spread => spread(samples.map(({ peak }) => peak / 2 ** 20));
  const ours = peaks(pair.ours);
  const target = { atMost: mebibytes };
  return { what, unit: "MiB", ours, theirs: peaks(pair.theirs), target, met: meets(ours.max, target) };
}

/** A row for one figure in seconds. */
export function secondsRow(what: string, seconds: readonly number[], atMost: number): Row {
  const ours = spread(seconds);
  return { what, unit: "s", ours, target: { atMost }, met: meets(ours.median, { atMost }) };
}

/** A row that compares two sizes in bytes; the target is for ours as a share of theirs. */
export function sizeRow(
  what: string,
  { ours, theirs }: { ours: number; theirs: number },
  target?: Target,
): Row {
  const megabytes = (bytes: number): Spread => spread([bytes / 1e6]);
  return {
    what,
    unit: "MB",
    ours: megabytes(ours),
    theirs: megabytes(theirs),
    ratio: spread([ours / theirs]),
    ...(target === undefined ? {} : { target }),
    met: target === undefined || meets(ours / theirs, target),
  };
}

/** A row for bytes of which ours should be no more than so many; theirs are there to compare. */
export function bytesRow(
  what: string,
  { ours, theirs }: { ours: number; theirs: number },
  atMost: number,
): Row {
  const kilobytes = (bytes: number): Spread => spread([bytes / 1e3]);
  const target = { atMost: Math.round(atMost / 100) / 10 };
  return {
    what,
    unit: "kB",
    ours: kilobytes(ours),
    theirs: kilobytes(theirs),
    target,
    met: meets(ours / 1e3, target),
  };
}

/** A row for a number of requests. */
export function requestsRow(what: string, requests: number, atMost: number): Row {
  const target = { atMost };
  return { what, unit: "requests", ours: spread([requests]), target, met: meets(requests, target) };
}

/** Whether a figure is what its target wants. */
export function meets(figure: number, target: Target): boolean {
  if ("within" in target) return Math.abs(figure - 1) <= target.within;
  return "atLeast" in target ? figure >= target.atLeast : figure <= target.atMost;
}

/** A sentence about how far the times can be trusted, or nothing where there is nothing to say. */
export function disturbance(rows: readonly Row[]): string | undefined {
  const others = Math.max(0, ...rows.filter(({ unit }) => unit === "s").map((row) => row.others ?? 0));
  if (others <= DISTURBED) return undefined;
  return `Others took up to ${(others * 100).toFixed(0)}% of the machine meanwhile, so the times are worth little; --quiet waits for better ones.`;
}

/** The rows as a table for people. */
export function table(rows: readonly Row[]): string {
  const head = ["", "varve", "other", "ratio: median [min - max]", "processor time", "target", ""];
  const cells = rows.map((row) => [
    row.what,
    amount(row.ours, row.unit),
    row.theirs === undefined ? "" : amount(row.theirs, row.unit),
    row.ratio === undefined ? "" : ratioCell(row.ratio),
    row.cpu === undefined || row.unit === "ms"
      ? ""
      : `${row.cpu.ours.toFixed(1)} / ${row.cpu.theirs.toFixed(1)} s`,
    wanted(row),
    row.target === undefined ? "" : row.met ? "met" : "MISSED",
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]!.length)));
  const draw = (line: readonly string[]): string =>
    line
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("   ")
      .trimEnd();
  return [draw(head), draw(widths.map((width) => "-".repeat(width))), ...cells.map(draw)].join("\n");
}

const times = (figure: number): string => `${figure.toFixed(2)}x`;

/** A ratio of counts has one value only, and may be close to 1. */
function ratioCell({ median, min, max }: Spread): string {
  return min === max ? `${median.toFixed(3)}x` : `${times(median)} [${times(min)} - ${times(max)}]`;
}

function amount({ median, max }: Spread, unit: Row["unit"]): string {
  if (unit === "MiB") return `${max.toFixed(0)} MiB`;
  if (unit === "requests") return `${median} requests`;
  return `${median.toFixed(unit === "s" && median < 10 ? 2 : 1)} ${unit}`;
}

function wanted({ target, ratio, unit }: Row): string {
  if (target === undefined) return "";
  if ("within" in target) return `within ${target.within * 100}%`;
  const bound = "atLeast" in target ? `at least ${target.atLeast}` : `at most ${target.atMost}`;
  return ratio === undefined ? `${bound} ${unit}` : `${bound}x`;
}
