/**
 * Makes `dist/` from `src/`: JavaScript in few files, since each file that is loaded costs every command time and
 * memory; declarations of the public API; and the spec's JSON Schema for editors.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.ts";
import { readPublicApi } from "./declarations.ts";

const dist = new URL("../dist/", import.meta.url);
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);

const { declarations, faults } = readPublicApi();
for (const [name, text] of declarations) writeFileSync(new URL(name, dist), text);
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exitCode = 1;
}

await bundle(fileURLToPath(dist));

const { bakeJsonSchema, specJsonSchema } = await import("#spec");
writeFileSync(new URL("spec.schema.json", dist), JSON.stringify(specJsonSchema(), null, 2));
writeFileSync(new URL("bake.schema.json", dist), JSON.stringify(await bakeJsonSchema(), null, 2));
chmodSync(new URL("bin.js", dist), 0o755);
