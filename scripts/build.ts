/**
 * Makes `dist/` from `src/`: JavaScript in few files, since each file that is loaded costs every command time and
 * memory; declarations for those who import varve; and the spec's JSON Schema for editors.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { embeddedShell } from "./embedded-shell.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = new URL("../dist/", import.meta.url);
rmSync(dist, { recursive: true, force: true });

const compiler = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"];
const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(1);

await build({
  absWorkingDir: root,
  // What is started by its file's name: the command, the library, and the threads.
  entryPoints: [
    { in: "src/bin.ts", out: "bin" },
    { in: "src/index.ts", out: "index" },
    { in: "src/thread.ts", out: "varve-thread" },
  ],
  outdir: "dist",
  bundle: true,
  // Commands stay in files of their own, loaded when they are called.
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22.15",
  // It is loaded fast, and not written as modules that could be bundled in part.
  external: ["commander"],
  mainFields: ["module", "main"],
  plugins: [embeddedShell],
  logLevel: "warning",
});

const { specJsonSchema } = await import("#spec");
writeFileSync(new URL("spec.schema.json", dist), JSON.stringify(specJsonSchema(), null, 2));
chmodSync(new URL("bin.js", dist), 0o755);
