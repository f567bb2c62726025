import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { builtins } from "./builtins.ts";
import { embeddedShell } from "./embedded-shell.ts";

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

/**
 * Bundles the sources into a folder: few files, since each that is loaded costs every command time and memory.
 * @param programs others that are made of the sources: paths of TypeScript files, from the repository, without the ending
 */
export async function bundle(folder: string, programs: readonly string[] = []): Promise<void> {
  await build({
    absWorkingDir: root,
    // What is started by its file's name: the command, the library, and the threads.
    entryPoints: [
      { in: "src/bin.ts", out: "bin" },
      ...Object.entries(ENTRIES).map(([out, source]) => ({ in: `src/${source}.ts`, out })),
      { in: "src/thread.ts", out: "varve-thread" },
      ...programs.map((path) => ({ in: `${path}.ts`, out: path })),
    ],
    outdir: folder,
    bundle: true,
    // Commands stay in files of their own, loaded when they are called.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.15",
    // Not written as modules that could be bundled in part, or with files of their own beside them.
    external: ["commander", "@bokuweb/zstd-wasm", "@sigstore/*"],
    mainFields: ["module", "main"],
    plugins: [embeddedShell, builtins],
    logLevel: "warning",
  });
}
