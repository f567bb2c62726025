import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { named, writeInstalled } from "./installed-project.ts";

/** What a made monorepo has. */
export interface Monorepo {
  readonly services: readonly string[];
  readonly libraries: readonly string[];
}

/** Packages that npm has installed, each of which needs the next one. */
const INSTALLED = ["a", "b", "c", "d", "e", "f"];

/**
 * Writes an npm workspace that is installed: services in `services/`, which share libraries in `packages/`; each library needs one
 * of six packages, and each service two of the libraries.
 */
export function writeMonorepo(
  folder: string,
  { services = 3, libraries = 3 }: { readonly services?: number; readonly libraries?: number } = {},
): Monorepo {
  const library = (n: number) => `lib-${n % libraries}`;
  const packages: Record<string, Record<string, unknown>> = {};
  const links: Record<string, string> = {};
  const lock: Record<string, unknown> = {};
  for (const [at, name] of INSTALLED.entries()) {
    const dependencies = named(INSTALLED.slice(at + 1, at + 2));
    const entry = { name, version: `1.0.${at}`, dependencies };
    packages[`node_modules/${name}`] = entry;
    lock[`node_modules/${name}`] = {
      version: entry.version,
      integrity: `sha512-${Buffer.from(name).toString("base64")}`,
      dependencies,
    };
  }
  const member = (path: string, name: string, manifest: object) => {
    const own = { name: `@mono/${name}`, version: "1.0.0", ...manifest };
    packages[path] = own;
    links[`node_modules/@mono/${name}`] = path;
    lock[path] = own;
    lock[`node_modules/@mono/${name}`] = { resolved: path, link: true };
  };
  for (let n = 0; n < libraries; n++) {
    member(`packages/lib-${n}`, `lib-${n}`, { main: "index.js", dependencies: named([INSTALLED[n % 6]!]) });
  }
  for (let n = 0; n < services; n++) {
    const needs = [`@mono/${library(n)}`, `@mono/${library(n + 1)}`];
    member(`services/svc-${n}`, `svc-${n}`, {
      scripts: { start: "node index.js" },
      dependencies: named(needs),
    });
  }
  const root = { name: "mono", private: true, workspaces: ["packages/*", "services/*"] };
  writeInstalled(folder, { packages, links });
  const json = (path: string, value: unknown) => writeFileSync(join(folder, path), JSON.stringify(value));
  json("package.json", root);
  json("package-lock.json", { lockfileVersion: 3, packages: { "": root, ...lock } });
  json("node_modules/.package-lock.json", { lockfileVersion: 3, packages: lock });
  return {
    services: Array.from({ length: services }, (_, n) => `svc-${n}`),
    libraries: Array.from({ length: libraries }, (_, n) => `lib-${n}`),
  };
}
