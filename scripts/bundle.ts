import { writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
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

/** What `bin` loads, in files beside it by their names: what begins before the command is loaded, and the command. */
const COMPILED_ONCE: Readonly<Record<string, string>> = {
  "head-start": "front/cli/head-start",
  cli: "front/cli/main",
};

/**
 * Has such files loaded with what has been compiled of them before (`front/cli/compile-cache.ts`), instead of having their sources in
 * one's own.
 * @param own the file that is made; undefined for `bin`, which loads the first of them
 */
const besideBin = (own?: string): Plugin => ({
  name: "beside-bin",
  setup: ({ onResolve, onLoad }) => {
    for (const [name, source] of Object.entries(COMPILED_ONCE).filter(([name]) => name !== own)) {
      onResolve({ filter: new RegExp(`/${basename(source)}\\.ts$`) }, ({ path, resolveDir }) => {
        if (resolve(resolveDir, path) !== join(root, "src", `${source}.ts`)) return null;
        const beside = `./${name}.cjs`;
        return own === undefined
          ? { path: beside, namespace: "beside-bin" }
          : { path: beside, external: true };
      });
    }
    onResolve({ filter: /\/version\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./version.js", external: true } : null,
    );
    onLoad({ filter: /.*/, namespace: "beside-bin" }, ({ path }) => ({
      contents: `module.exports = require("./src/front/cli/compile-cache.ts").loadBeside(${JSON.stringify(path)});`,
      resolveDir: root,
    }));
  },
});

/** What such a file is: a function, and in ASCII, which is read in half the time. */
const asFunction = {
  format: "cjs",
  define: { "import.meta.url": "moduleUrl" },
  banner: { js: "(function (module, exports, require, moduleUrl) {" },
  footer: { js: "})" },
} satisfies BuildOptions;

const inAscii: Plugin = {
  name: "in-ascii",
  setup: ({ initialOptions, onEnd }) => {
    initialOptions.write = false;
    onEnd(({ outputFiles = [] }) => {
      // esbuild leaves others in comments and regular expressions, where an escape is as good.
      const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
      for (const { path, text } of outputFiles) writeFileSync(path, text.replace(/[^\0-\x7f]/g, escaped));
    });
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
  const one = (source: string, out: string, options: BuildOptions = {}) =>
    build({
      ...common,
      entryPoints: [`src/${source}.ts`],
      outfile: join(folder, out),
      ...options,
      plugins: [...plugins, ...(options.plugins ?? [])],
    });
  await Promise.all([
    // What checks Node.js' version, and has the rest compiled only once.
    one("bin", "bin.js", { plugins: [besideBin()] }),
    one("front/cli/version", "version.js"),
    // In one file each, in which each module runs when it is imported: Node.js takes 0.6 ms to find and link another.
    ...Object.entries(COMPILED_ONCE).map(([name, source]) =>
      one(source, `${name}.cjs`, { ...asFunction, plugins: [besideBin(name), inAscii] }),
    ),
    // There are several of each at a time, with nothing in them but what they do: so they take half the time to start.
    ...THREADS.map((job) => one(`threads/${job}`, `varve-thread-${job}.js`)),
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
