/** Frameworks that build a server, and what of it is run. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sortNames } from "#util";
import type { Manifest } from "../manifest.ts";
import { isFile, type Place, runnable } from "./files.ts";
import { lastCommand } from "./scripts.ts";

export interface Framework {
  /** Its command, and how that is called to start or to develop the server; the words after the name. */
  readonly program: string;
  readonly words: RegExp;
  /** The package by which a project without a start script shows that it is made with it. */
  readonly package: string;
  /** What Node.js runs, the first that is there; a `*` is for the one folder in which it is. */
  readonly files: readonly string[];
  /** What its own command needs, if that is run itself. */
  readonly built?: string;
  /** What lets others reach the server, where it listens on the machine's own address unless it is told, and why. */
  readonly listen?: { readonly name: string; readonly why: string };
}

/** The server that Nitro builds, with all that it needs, which several frameworks do by it. */
export const NITRO = ".output/server/index.mjs";

/** Many are built with Vite, and few of them are servers; what is one shows by a package besides. */
const VITE = /^(?:(?:dev|preview|--\S+)(?:\s|$)|$)/;

export const FRAMEWORKS = {
  next: {
    program: "next",
    words: /^(?:start|dev)\b/,
    package: "next",
    files: [],
    built: ".next/BUILD_ID",
    listen: { name: "HOSTNAME", why: "Next.js's server else listens on the container's own name only" },
  },
  nuxt: {
    program: "nuxt",
    words: /^(?:(?:start|preview|dev)\b|$)/,
    package: "nuxt",
    files: [NITRO],
  },
  nuxi: {
    program: "nuxi",
    words: /^(?:start|preview|dev)\b/,
    package: "nuxi",
    files: [NITRO],
  },
  astro: {
    program: "astro",
    words: /^(?:preview|start|dev)\b/,
    package: "@astrojs/node",
    files: ["dist/server/entry.mjs"],
    listen: { name: "HOST", why: "Astro's server else listens on localhost only" },
  },
  nest: {
    program: "nest",
    words: /^start\b/,
    package: "@nestjs/core",
    files: ["dist/main.js", "dist/src/main.js"],
  },
  kit: {
    program: "vite",
    words: VITE,
    package: "@sveltejs/adapter-node",
    files: ["build/index.js"],
  },
  angular: {
    program: "ng",
    words: /^(?:serve|dev)\b/,
    package: "@angular/ssr",
    files: ["dist/*/server/server.mjs"],
  },
  nitro: { program: "vite", words: VITE, package: "nitro", files: [NITRO] },
  nitropack: { program: "nitro", words: /^(?:preview|dev)\b/, package: "nitropack", files: [NITRO] },
  vinxi: { program: "vinxi", words: /^(?:start|dev)\b/, package: "vinxi", files: [NITRO] },
} as const satisfies Readonly<Record<string, Framework>>;

const ALL: readonly Framework[] = Object.values(FRAMEWORKS);

/** Programs that serve what browsers run, too, or for which the words don't say which of several frameworks it is. */
const PACKAGED: ReadonlySet<string> = new Set(["vite", "ng"]);

/** The framework whose command a program and its words are. */
export function frameworkCommand(
  [program = "", ...words]: readonly string[],
  manifest: Manifest,
): Framework | undefined {
  return ALL.find(
    (each) =>
      each.program === program &&
      each.words.test(words.join(" ")) &&
      (!PACKAGED.has(program) || dependsOn(manifest, each.package)),
  );
}

/** The framework of whose making a file is that the project runs itself. */
export function frameworkServer(file: string, manifest: Manifest): Framework | undefined {
  return ALL.find((each) => each.files.includes(file) && dependsOn(manifest, each.package));
}

function dependsOn({ dependencies, devDependencies }: Manifest, name: string): boolean {
  return Object.hasOwn({ ...dependencies, ...devDependencies }, name);
}

/** The framework that a project is started by: by its script, or, without one, by what it depends on. */
export function frameworkOf({ manifest }: Place): Framework | undefined {
  const start = manifest.scripts?.["start"];
  if (start !== undefined) {
    const { words } = lastCommand(start, manifest) ?? { words: [] };
    const [program, file = ""] = words;
    if (program !== "node") return frameworkCommand(words, manifest);
    if (/^(?:\.\/)?\.next\/standalone\/(?:.+\/)?server\.js$/.test(file)) return FRAMEWORKS.next;
    return file.replace(/^\.\//, "") === NITRO ? FRAMEWORKS.nitro : undefined;
  }
  return ALL.find((each) => dependsOn(manifest, each.package));
}

/** The file of a framework's making that Node.js runs, if it is there. */
export function builtFile({ files }: Framework, place: Place): string | undefined {
  return files
    .map((file) => inOneFolder(file, place))
    .find((file) => file !== undefined && runnable(place, file) === file);
}

/** A path with the name of a folder for its `*`; undefined if none has the rest, or several have. */
function inOneFolder(path: string, { folder }: Place): string | undefined {
  const [above, below] = path.split("/*/");
  if (below === undefined) return path;
  const root = join(folder, above!);
  const names = existsSync(root) ? sortNames(readdirSync(root)) : [];
  const [found, ...others] = names.filter((name) => isFile(join(root, name, below)));
  return found === undefined || others.length > 0 ? undefined : `${above}/${found}/${below}`;
}
