/**
 * Makes `dist/` from `src/`: JavaScript in few files, since each file that is loaded costs every command time and
 * memory; declarations for those who import varve; and the spec's JSON Schema for editors.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = new URL("../dist/", import.meta.url);
rmSync(dist, { recursive: true, force: true });

const compiler = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"];
const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(1);

/** Puts the texts of the sandbox's shell files into the module that reads them, since `dist/` has no such files. */
const embeddedShell: Plugin = {
  name: "embedded-shell",
  setup: ({ onLoad }) => {
    onLoad({ filter: /[/\\]setup\.ts$/ }, ({ path }) => {
      const reading = /readFileSync\(new URL\("(.*?)", import\.meta\.url\), "utf8"\)/g;
      const contents = readFileSync(path, "utf8").replace(reading, (_, name: string) =>
        JSON.stringify(readFileSync(join(dirname(path), name), "utf8")),
      );
      return { contents, loader: "ts" };
    });
  },
};

await build({
  absWorkingDir: root,
  // What is started by its file's name: the command, the library, and the threads.
  entryPoints: [
    "src/bin.ts",
    "src/index.ts",
    "src/layers/measure/measure-worker.ts",
    "src/layers/measure/hash-worker.ts",
    "src/images/compress/compress-worker.ts",
  ],
  outdir: "dist",
  entryNames: "[name]",
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
