/** Alpine's packages: `P:` begins a package, `F:` names a folder, `R:` a file in it. */
import { type Reading, versionIn } from "./types.ts";

const DATABASES = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/** Whether a path is a part of the database. */
export function isApk(path: string): boolean {
  return DATABASES.includes(path);
}

/** Reads which files Alpine packages have. */
export async function readApk({ text, packages, claims }: Reading): Promise<void> {
  for (const database of DATABASES) {
    for (const paragraph of (await text(database)).split("\n\n")) {
      const lines = paragraph.split("\n");
      const field = (key: string) => lines.find((line) => line.startsWith(key))?.slice(key.length);
      const name = versionIn(field("P:"));
      if (name === "") continue;
      const id = `apk:${name}`;
      packages.set(id, { id, version: versionIn(field("V:")) });
      let folder = "";
      for (const line of lines) {
        if (line.startsWith("F:")) folder = line.slice(2);
        else if (line.startsWith("R:")) claims.claim(`${folder}/${line.slice(2)}`, id);
      }
    }
  }
}
