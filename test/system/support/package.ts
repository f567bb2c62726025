/** varve as npm would install it. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { mustRun } from "../../support/process.ts";

const path = (relative: string) => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));

/**
 * Packs varve and unpacks it into a `node_modules` folder; what it depends on is this repository's.
 * @returns the package's folder
 */
export async function installVarve(modules: string): Promise<string> {
  const folder = `${modules}/varve`;
  mkdirSync(folder, { recursive: true });
  const packed = await mustRun(
    ["npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", modules],
    { cwd: path(".") },
  );
  await mustRun(["tar", "-xzf", `${modules}/${packed.trim()}`, "-C", folder, "--strip-components=1"]);
  const { dependencies } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  linkModules(modules, Object.keys(dependencies));
  chmodSync(`${folder}/dist/bin.js`, 0o755);
  return folder;
}

/** Links packages of this repository into a `node_modules` folder. */
export function linkModules(modules: string, names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(`${modules}/${name}`), { recursive: true });
    symlinkSync(path(`node_modules/${name}`), `${modules}/${name}`);
  }
}
