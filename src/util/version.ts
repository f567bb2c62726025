import { existsSync, readFileSync } from "node:fs";

/** Where the package's manifest is, as it is seen from the sources and from what is built of them. */
const MANIFESTS = ["../../package.json", "../package.json"];

let known: string | undefined;

/** varve's own version, from its package; `unknown` in a program that is bundled into one file, where there is none. */
export function varveVersion(): string {
  known ??= read();
  return known;
}

function read(): string {
  // A CommonJS module has no URL.
  if (import.meta.url === undefined) return "unknown";
  for (const manifest of MANIFESTS.map((path) => new URL(path, import.meta.url))) {
    if (!existsSync(manifest)) continue;
    const { name, version } = JSON.parse(readFileSync(manifest, "utf8")) as {
      name?: string;
      version: string;
    };
    if (name === "varve") return version;
  }
  return "unknown";
}
