/**
 * Makes `dist/` from `src/`: JavaScript in few files, since each file that is loaded costs every command time and
 * memory; declarations of the public API; and the spec's JSON Schema for editors.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { builtins } from "./builtins.ts";
import { ENTRIES, readPublicApi } from "./declarations.ts";
import { embeddedShell } from "./embedded-shell.ts";

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

await build({
  absWorkingDir: root,
  // What is started by its file's name: the command, the library, and the threads.
  entryPoints: [
    { in: "src/bin.ts", out: "bin" },
    ...Object.entries(ENTRIES).map(([out, source]) => ({ in: `src/${source}.ts`, out })),
    { in: "src/thread.ts", out: "varve-thread" },
  ],
  outdir: "dist",
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

const { bakeJsonSchema, specJsonSchema } = await import("#spec");
writeFileSync(new URL("spec.schema.json", dist), JSON.stringify(specJsonSchema(), null, 2));
writeFileSync(new URL("bake.schema.json", dist), JSON.stringify(bakeJsonSchema(), null, 2));
chmodSync(new URL("bin.js", dist), 0o755);
