/** Python's packages: the `RECORD` of each `*.dist-info` lists files, relative to the folder that it is in. */
import { type Reading, versionIn } from "./types.ts";

const RECORD = /^(?:(.*)\/)?([^/]+)\.dist-info\/RECORD$/;

/** Whether a path is a list of a package's files. */
export function isPython(path: string): boolean {
  return path.endsWith(".dist-info/RECORD");
}

/** Reads which files Python packages have. */
export async function readPython({ files, text, packages, claims }: Reading): Promise<void> {
  for (const path of files.keys()) {
    const [, folder = "", named = ""] = RECORD.exec(path) ?? [];
    if (named === "") continue;
    const dash = named.indexOf("-");
    const name = dash < 0 ? named : named.slice(0, dash);
    const id = `python:${folder}/${name}`;
    packages.set(id, { id, version: dash < 0 ? "" : versionIn(named.slice(dash + 1)) });
    for (const line of (await text(path)).split(/\r?\n/)) {
      const file = firstField(line);
      if (file !== "") claims.claim(file.startsWith("/") ? file : `${folder}/${file}`, id);
    }
  }
}

/** The first field of a line of comma-separated values. */
function firstField(line: string): string {
  if (!line.startsWith('"')) return line.split(",", 1)[0]!;
  return /^"((?:[^"]|"")*)"/.exec(line)?.[1]?.replaceAll('""', '"') ?? "";
}
