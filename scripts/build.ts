/**
 * Makes `dist/` from `src/`: JavaScript in few files, since each file that is loaded costs every command time and
 * memory; declarations of the public API; and the spec's JSON Schema for editors.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { builtins } from "./builtins.ts";
import { ENTRIES, readPublicApi } from "./declarations.ts";
import { embeddedShell } from "./embedded-shell.ts";

/** Has `bin` load the command from the file beside it. */
const besideBin: Plugin = {
  name: "beside-bin",
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/cli\/main\.ts$/ }, () => ({ path: "./cli.js", external: true }));
  },
};

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = new URL("../dist/", import.meta.url);
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);

const { declarations, faults } = readPublicApi();
for (const [name, text] of declarations) writeFileSync(new URL(name, dist), text);
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exitCode = 1;
}

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
const plugins = [embeddedShell, builtins];

await Promise.all([
  // What checks Node.js' version, and has the rest compiled only once.
  build({ ...common, entryPoints: ["src/bin.ts"], outfile: "dist/bin.js", plugins: [...plugins, besideBin] }),
  // The command in one file, in which each module runs when it is imported: Node.js takes 0.6 ms to find and link another.
  build({ ...common, entryPoints: ["src/front/cli/main.ts"], outfile: "dist/cli.js", plugins }),
  // A thread for each, of which there are several, and in none anything but what it does: so it takes half the time to start.
  ...["measure", "hash", "compress", "list"].map((job) =>
    build({
      ...common,
      entryPoints: [`src/threads/${job}.ts`],
      outfile: `dist/varve-thread-${job}.js`,
      plugins,
    }),
  ),
  // The library; bundlers leave out what a program doesn't use of it.
  build({
    ...common,
    entryPoints: Object.entries(ENTRIES).map(([out, source]) => ({ in: `src/${source}.ts`, out })),
    outdir: "dist",
    splitting: true,
    plugins,
  }),
]);

const { bakeJsonSchema, specJsonSchema } = await import("#spec");
writeFileSync(new URL("spec.schema.json", dist), JSON.stringify(specJsonSchema(), null, 2));
writeFileSync(new URL("bake.schema.json", dist), JSON.stringify(await bakeJsonSchema(), null, 2));
chmodSync(new URL("bin.js", dist), 0o755);
