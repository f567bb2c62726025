/** Graphs of what well-known npm frameworks install, with the bytes that each package takes in a layer. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planImage } from "#plan";
import { checkSpec } from "#spec";
import type { Package, World } from "./world.ts";

/** A small project with each of them, as its own guide to a new project has it. */
const FRAMEWORKS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  angular: {
    "@angular/core": "19",
    "@angular/common": "19",
    "@angular/compiler": "19",
    "@angular/cli": "19",
    "@angular/build": "19",
    "@angular/compiler-cli": "19",
    typescript: "~5.8",
  },
  astro: { astro: "5" },
  nest: {
    "@nestjs/core": "11",
    "@nestjs/common": "11",
    "@nestjs/platform-express": "11",
    "@nestjs/cli": "11",
    "reflect-metadata": "0.2",
    rxjs: "7",
  },
  next: {
    next: "15",
    react: "19",
    "react-dom": "19",
    typescript: "5",
    eslint: "9",
    "eslint-config-next": "15",
  },
  nuxt: { nuxt: "3", vue: "3" },
};

/**
 * The graphs, made once and kept below `work`: npm resolves each project (`--package-lock-only`) and installs it without
 * running anything of it, the packages are measured where they lie, and the trees are removed.
 */
export async function npmWorlds(work: string, say: (line: string) => void): Promise<World[]> {
  const worlds: World[] = [];
  for (const [name, dependencies] of Object.entries(FRAMEWORKS)) {
    const folder = join(work, "layering/npm", name);
    const file = join(folder, "packages.json");
    const cache = join(folder, "cache");
    if (!existsSync(file)) {
      say(`installing ${name} to measure its packages`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, "package.json"),
        JSON.stringify({ name: `${name}-app`, version: "1.0.0", private: true, dependencies }),
      );
      const npm = (...args: string[]): void => {
        const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--cache", cache];
        execFileSync("npm", [...args, ...quiet], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
      };
      npm("install", "--package-lock-only");
      // Not `ci`, which wants every optional package of every platform in the lock file.
      npm("install");
      writeFileSync(file, JSON.stringify(await measure(folder)));
      for (const made of [join(folder, "node_modules"), cache]) rmSync(made, { recursive: true });
    }
    worlds.push({
      name: `npm ${name}`,
      kind: "npm",
      packages: JSON.parse(readFileSync(file, "utf8")) as Package[],
    });
  }
  return worlds;
}

async function measure(project: string): Promise<Package[]> {
  const { graph, sizes } = await planImage(checkSpec({ name: "npm", graph: project }), { withSizes: true });
  return [...graph.components.values()].map(({ id, references, name, version }) => ({
    name: id,
    source: name ?? id,
    version: version ?? "1.0.0",
    // The project's own files are few here; an application of 2 MB stands for what is built of them.
    bytes: id === "." ? 2_000_000 : sizes!.sizes.get(id)!,
    references,
    isApplication: id === ".",
  }));
}
