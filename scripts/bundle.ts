import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { builtins } from "./builtins.ts";
import { embeddedShell } from "./embedded-shell.ts";
import { pastDoors } from "./past-doors.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The entries by their names in the package, and their sources below `src/`. */
export const ENTRIES: Readonly<Record<string, string>> = {
  index: "index",
  ...Object.fromEntries(
    ["types", "layering", "registry", "formats", "attest", "testing"].map((name) => [
      name,
      `entries/${name}`,
    ]),
  ),
};

/** What `bin` loads, in files beside it: which one a source is in. */
const BESIDE_BIN = [
  { filter: /\/head-start\.ts$/, path: "./head-start.js" },
  { filter: /\/cli\/main\.ts$/, path: "./cli.js" },
];

/** Has the others' files loaded instead of having their sources in one's own. */
const besideBin: Plugin = {
  name: "beside-bin",
  setup: ({ onResolve }) => {
    for (const { filter, path } of BESIDE_BIN) {
      onResolve({ filter }, ({ kind }) => (kind === "entry-point" ? null : { path, external: true }));
    }
  },
};

const THREADS = ["measure", "hash", "compress", "list"];

/**
 * Bundles the sources into a folder: few files, since each that is loaded costs every command time and memory.
 * @param programs others that are made of the sources: paths of TypeScript files, from the repository, without the ending
 */
export async function bundle(folder: string, programs: readonly string[] = []): Promise<void> {
  const plugins = [embeddedShell, builtins, pastDoors(root)];
  const common = {
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22.15",
    // Not written as modules that could be bundled in part, or with files of their own beside them.
    external: ["@bokuweb/zstd-wasm", "@sigstore/*"],
    mainFields: ["module", "main"],
    logLevel: "warning",
  } satisfies BuildOptions;
  const one = (source: string, out: string, more: readonly Plugin[] = []) =>
    build({
      ...common,
      entryPoints: [`src/${source}.ts`],
      outfile: join(folder, `${out}.js`),
      plugins: [...plugins, ...more],
    });
  await Promise.all([
    // What checks Node.js' version, and has the rest compiled only once.
    one("bin", "bin", [besideBin]),
    // The command in one file, in which each module runs when it is imported: Node.js takes 0.6 ms to find and link another.
    one("front/cli/main", "cli", [besideBin]),
    // What is begun before that is loaded.
    one("front/cli/head-start", "head-start"),
    // There are several of each at a time, with nothing in them but what they do: so they take half the time to start.
    ...THREADS.map((job) => one(`threads/${job}`, `varve-thread-${job}`)),
    // The library; bundlers leave out what a program doesn't use of it.
    build({
      ...common,
      entryPoints: [
        ...Object.entries(ENTRIES).map(([out, source]) => ({ in: `src/${source}.ts`, out })),
        ...programs.map((path) => ({ in: `${path}.ts`, out: path })),
      ],
      outdir: folder,
      splitting: true,
      plugins,
    }),
  ]);
}
