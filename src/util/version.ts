import { existsSync, readFileSync } from "node:fs";

/** The package's manifest, as it is seen from the sources and from what is built of them. */
const MANIFESTS = ["../../package.json", "../package.json"].map((path) => new URL(path, import.meta.url));

let known: string | undefined;

/** varve's own version, from its package. */
export function varveVersion(): string {
  known ??= read();
  return known;
}

function read(): string {
  for (const manifest of MANIFESTS.filter((url) => existsSync(url))) {
    const { name, version } = JSON.parse(readFileSync(manifest, "utf8")) as {
      name?: string;
      version: string;
    };
    if (name === "varve") return version;
  }
  throw new Error("varve's package.json is missing");
}
