/** Frameworks that build a server, and what of it is run. */
import { splitWords } from "#spec";
import type { Manifest } from "../manifest.ts";
import type { Place } from "./files.ts";

export interface Framework {
  /** Its command, and how that is called to start or to develop the server; the words after the name. */
  readonly program: string;
  readonly words: RegExp;
  /** The package by which a project without a start script shows that it is made with it. */
  readonly package: string;
  /** What Node.js runs, the first that is there. */
  readonly files: readonly string[];
  /** What its own command needs, if that is run itself. */
  readonly built?: string;
  /** What lets others reach the server, where it listens on the machine's own address unless it is told, and why. */
  readonly listen?: { readonly name: string; readonly why: string };
}

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
    files: [".output/server/index.mjs"],
  },
  nuxi: {
    program: "nuxi",
    words: /^(?:start|preview|dev)\b/,
    package: "nuxi",
    files: [".output/server/index.mjs"],
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
    words: /^(?:(?:dev|preview)\b|$)/,
    package: "@sveltejs/adapter-node",
    files: ["build/index.js"],
  },
} as const satisfies Readonly<Record<string, Framework>>;

const ALL: readonly Framework[] = Object.values(FRAMEWORKS);

/** The framework whose command a program and its words are. */
export function frameworkCommand(
  [program = "", ...words]: readonly string[],
  manifest: Manifest,
): Framework | undefined {
  return ALL.find(
    (each) =>
      each.program === program &&
      each.words.test(words.join(" ")) &&
      // Many are built with Vite, and few of them are servers.
      (program !== "vite" || dependsOn(manifest, each.package)),
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
    const words = splitWords(start)?.filter((word) => !/^\w+=|^(?:cross-env|exec)$/.test(word)) ?? [];
    const [program, file = ""] = words;
    if (program !== "node") return frameworkCommand(words, manifest);
    if (/^(?:\.\/)?\.next\/standalone\/(?:.+\/)?server\.js$/.test(file)) return FRAMEWORKS.next;
    return /^(?:\.\/)?\.output\/server\/index\.mjs$/.test(file) ? FRAMEWORKS.nuxt : undefined;
  }
  return ALL.find((each) => dependsOn(manifest, each.package));
}
