/** Makes `dist/` from `src/`: emits with tsc, adds the spec's JSON Schema, and marks the command as executable. */
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
const compiler = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"];
const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(1);
const { specJsonSchema } = await import("../src/build/index.ts");
writeFileSync(
  new URL("../dist/spec.schema.json", import.meta.url),
  JSON.stringify(specJsonSchema(), null, 2),
);
chmodSync(new URL("../dist/bin.js", import.meta.url), 0o755);
