/** Asks CPython's tarfile about tar entries: see test/oracle/tar_entries.py. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TarEntry } from "#tar";
import { requirePython } from "./python.ts";

const script = fileURLToPath(new URL("../oracle/tar_entries.py", import.meta.url));

export type TarFormat = "PAX" | "GNU" | "USTAR";

/** An entry as Python reads it. */
export interface PythonEntry extends Required<Omit<TarEntry, "pax">> {
  readonly pax: readonly (readonly [string, string])[];
  /** Where its content begins. */
  readonly offset: number;
  /** The header that Python writes for it again, in hexadecimal; null if it can't. */
  readonly again: string | null;
}

function ask<T>(questions: readonly object[]): T[] {
  const run = spawnSync(requirePython(), ["-I", script], {
    input: JSON.stringify(questions, (_, value) => (value instanceof Map ? [...value] : value)),
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (run.status !== 0) throw new Error(`Python failed: ${run.stderr || run.error}`);
  return JSON.parse(run.stdout) as T[];
}

/** The headers that Python writes for entries, in hexadecimal. */
export function pythonHeaders(entries: readonly TarEntry[]): (string | null)[] {
  return ask(entries.map((entry) => ({ encode: entry })));
}

export interface ArchiveWish {
  readonly archive: readonly TarEntry[];
  readonly format: TarFormat;
  readonly globals?: Readonly<Record<string, string>>;
}

/** Archives that Python writes; null for one that the format can't hold. */
export function pythonArchives(wishes: readonly ArchiveWish[]): (Buffer | null)[] {
  return ask<string | null>(wishes).map((hex) => (hex === null ? null : Buffer.from(hex, "hex")));
}

/** What Python reads in archives; null for one that it doesn't take. */
export function pythonEntries(archives: readonly Buffer[]): (PythonEntry[] | null)[] {
  return ask(archives.map((archive) => ({ read: archive.toString("hex") })));
}
