/** Alpine's packages: apk-package(5) and apk's installed database. */
import { type FoundPackage, fields, type InventoryRoot, layerOf, lineIn, type Unresolved } from "./types.ts";

const DATABASES = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/** Whether a path has something of Alpine's packages. */
export function isApkPart(path: string): boolean {
  return DATABASES.includes(path);
}

/** Alpine's packages that are installed. */
export function apkPackages(root: InventoryRoot): FoundPackage[] {
  const found: [Unresolved, needs: readonly string[]][] = [];
  const providers = new Map<string, string>();
  for (const database of DATABASES) {
    for (const paragraph of root.text(database).split("\n\n")) {
      const lines = paragraph.split("\n");
      const field = (key: string) => lines.find((line) => line.startsWith(key))?.slice(key.length);
      const name = lineIn(field("P:"));
      if (name === undefined) continue;
      const id = `apk:${name}`;
      const origin = lineIn(field("o:"));
      found.push([
        {
          ...{ id, kind: "apk", name, version: lineIn(field("V:")) ?? "" },
          ...fields({
            architecture: lineIn(field("A:")),
            source: origin === undefined || origin === name ? undefined : { name: origin },
            licence: lineIn(field("L:")),
            supplier: lineIn(field("m:")),
          }),
          layer: layerOf(root.tree, firstFile(lines), database),
        },
        namesIn(field("D:")),
      ]);
      for (const provided of [name, ...namesIn(field("p:"))]) {
        if (!providers.has(provided)) providers.set(provided, id);
      }
    }
  }
  return found.map(([made, needed]) => {
    return { ...made, needs: needed.flatMap((name) => providers.get(name) ?? []) };
  });
}

/** The database is one file, which the last layer has that changed anything; the package's own files tell where it came. */
function firstFile(lines: readonly string[]): string | undefined {
  let folder = "";
  for (const line of lines) {
    if (line.startsWith("F:")) folder = line.slice(2);
    else if (line.startsWith("R:")) return folder === "" ? line.slice(2) : `${folder}/${line.slice(2)}`;
  }
  return undefined;
}

/** Names without the versions behind them; what must not be there is passed over. */
function namesIn(list = ""): string[] {
  return list
    .split(/\s+/)
    .filter((each) => each !== "" && !each.startsWith("!"))
    .map((each) => each.replace(/[<>=~@].*$/, ""));
}
