/** Which line of Node.js a project runs on. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readError, VarveError } from "#errors";
import { hasMajor } from "#util";
import type { Manifest } from "./manifest.ts";

/** The newest line with long-term support. */
const NEWEST_LTS = 24;

/** The lines that are chosen from by themselves, the newest first: those with long-term support that still get mended. */
const LTS_LINES = [24, 22, 20];

/** Names of lines, as version managers take them. */
const CODE_NAMES: Readonly<Record<string, number>> = { iron: 20, jod: 22, krypton: 24 };

const FILES = [".nvmrc", ".node-version"];

/** A line, and what says so. */
export interface NodeLine {
  readonly major: number;
  readonly from: string;
}

/**
 * The line that a project says: what `.nvmrc` or `.node-version` names if `engines.node` allows it, else the newest with
 * long-term support that `engines.node` allows.
 * @throws VarveError `INVALID_SPEC` if no line fits
 */
export function nodeLine(folder: string, { engines }: Manifest): NodeLine {
  const range = engines?.["node"];
  const allows = (major: number) => range === undefined || hasMajor(range, major);
  for (const name of FILES) {
    const file = join(folder, name);
    const major = existsSync(file) ? majorIn(readText(file)) : undefined;
    if (major !== undefined && allows(major)) return { major, from: name };
  }
  if (range === undefined) return { major: NEWEST_LTS, from: "the newest line with long-term support" };
  // A newer line, an older one or one without long-term support only where nothing else fits.
  const newer = Array.from({ length: 20 }, (_, at) => NEWEST_LTS + 2 + 2 * at);
  const others = Array.from({ length: newer.at(-1)! }, (_, at) => newer.at(-1)! - at);
  const major = [...LTS_LINES, ...newer, ...others].find(allows);
  if (major !== undefined) return { major, from: `engines.node ${JSON.stringify(range)}` };
  throw new VarveError(
    "INVALID_SPEC",
    `${join(folder, "package.json")} has engines.node ${JSON.stringify(range)}, which no line of Node.js fits; name a base image with --from`,
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw readError(file, error);
  }
}

/** The line that a version manager's file names. */
function majorIn(text: string): number | undefined {
  const line = text.split("\n").find((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  const word = line?.trim().toLowerCase() ?? "";
  const [, digits] = /^v?(\d{1,3})(?:\.|$)/.exec(word) ?? [];
  if (digits !== undefined) return Number(digits);
  const [, code] = /^lts\/(.+)$/.exec(word) ?? [];
  if (code === "*" || word === "lts/-0") return NEWEST_LTS;
  return code === undefined ? undefined : CODE_NAMES[code];
}
