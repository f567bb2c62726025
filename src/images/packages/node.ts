/** Node packages: they are where their paths say, in whichever layout of `node_modules`. */
import { type InstalledPackage, type Reading, versionIn } from "./types.ts";

const NAME = String.raw`(?:@[^/]+\/)?[^/.@][^/]*`;

const MANIFEST = new RegExp(`^(?:.*/)?node_modules/${NAME}/package\\.json$`);

/** What is installed globally is updated as a whole, with all that lies in it. */
const GLOBAL = new RegExp(`^(?:.*?/)?lib/node_modules/${NAME}(?=/)`);

const INNERMOST = new RegExp(`^(?:.*/)?node_modules/${NAME}(?=/)`);

/** Yarn's archives, one for each package, and what it unpacks. */
const YARN = /^(?:.*\/)?\.yarn\/(?:cache\/[^/]+\.zip$|unplugged\/[^/]+(?=\/))/;

const MAX_REPOSITORY = 300;

/** Whether a path is a package's `package.json`. */
export function isNode(path: string): boolean {
  return path.endsWith("/package.json") && MANIFEST.test(path);
}

/** Reads what Node packages say of themselves. */
export async function readNode({ files, text, packages }: Reading): Promise<void> {
  for (const path of files.keys()) {
    if (!isNode(path)) continue;
    const id = path.slice(0, path.lastIndexOf("/"));
    if (GLOBAL.exec(path)?.[0] !== id && GLOBAL.test(path)) continue;
    packages.set(id, { id, name: nameIn(id), ...factsIn(await text(path)) });
  }
}

/** The id of the Node package that a path's file is of, whether it is known or not. */
export function nodePackageOf(path: string): string | undefined {
  if (!path.includes("node_modules/")) return YARN.exec(path)?.[0];
  return (GLOBAL.exec(path) ?? INNERMOST.exec(path))?.[0];
}

/** A package of Yarn's, which has no `package.json` of its own that could be read. */
export function yarnPackage(id: string): InstalledPackage | undefined {
  if (!YARN.test(`${id}/`) && !YARN.test(id)) return undefined;
  return { id, version: versionIn(id.slice(id.lastIndexOf("/") + 1)) };
}

function nameIn(id: string): string {
  return id.slice(id.lastIndexOf("node_modules/") + "node_modules/".length);
}

function factsIn(text: string): Pick<InstalledPackage, "version" | "repository"> {
  try {
    const { version, repository } = JSON.parse(text) as Record<string, unknown>;
    const where =
      typeof repository === "object" && repository !== null
        ? (repository as { url?: unknown }).url
        : repository;
    const isFit = typeof where === "string" && where.length <= MAX_REPOSITORY;
    return { version: versionIn(version), ...(isFit && { repository: where }) };
  } catch {
    return { version: "" };
  }
}
