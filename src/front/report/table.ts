import { shown } from "#util";

/** How a column is set: numbers to the right, texts to the left. */
export type Alignment = "left" | "right";

/** Lines of a table under their headings, each column as wide as its widest cell; whatever is in a cell is one line. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[],
): string {
  const lines = [headings, ...rows].map((cells) => cells.map((cell) => shown(cell)));
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]) =>
    line
      .map((cell, column) => {
        const width = widths[column]!;
        return alignments[column] === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return lines.map(format).join("\n");
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes for people, in powers of ten as docker shows them. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNITS[unit]}`;
}
