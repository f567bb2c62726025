import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import * as z from "zod";
import { VarveError } from "#errors";
import { isObject, parseJson, readText } from "../file.ts";

const names = z.record(z.string(), z.unknown()).optional();
const flag = z.boolean().optional();
const platforms = z.array(z.string()).optional();

/** What varve reads about a package; a lock file's entry and a `package.json` have the same fields. */
const packageSchema = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  dependencies: names,
  optionalDependencies: names,
  devDependencies: names,
  peerDependencies: names,
});

const entrySchema = packageSchema.extend({
  resolved: z.string().optional(),
  link: flag,
  dev: flag,
  devOptional: flag,
  optional: flag,
  peer: flag,
  extraneous: flag,
  integrity: z.string().optional(),
  os: platforms,
  cpu: platforms,
  libc: platforms,
});

export type NpmManifest = z.infer<typeof packageSchema>;
/** One entry of a lock file's `packages`: an installed package, or a link to one. */
export type LockEntry = z.infer<typeof entrySchema>;

/** A lock file of version 2 or 3. */
export interface NpmLock {
  /** The file it was read from, for messages. */
  readonly file: string;
  /** Entries by key: the package's folder relative to the project, `/` between its parts. No entry for the project. */
  readonly entries: ReadonlyMap<string, LockEntry>;
  /** The project itself. */
  readonly root: NpmManifest;
}

/** What a project says should be installed, in npm's own order of trust. */
export const OWN_LOCK_FILES: readonly string[] = ["npm-shrinkwrap.json", "package-lock.json"];

/** The first is there after every install and says what really is installed. */
const LOCK_FILES = ["node_modules/.package-lock.json", ...OWN_LOCK_FILES];

/**
 * Reads the lock file of an npm project, and its `package.json` where it has one.
 *
 * @param lockFile - the file to read; by default the first of npm's own that the project has.
 * @throws {VarveError} INVALID_GRAPH if there is none or it isn't a lock file of version 2 or 3; INVALID_JSON.
 */
export async function readNpmLock(project: string, lockFile?: string): Promise<NpmLock> {
  const file = lockFile ?? LOCK_FILES.map((name) => join(project, name)).find((path) => existsSync(path));
  if (file === undefined) {
    throw new VarveError(
      "INVALID_GRAPH",
      `${project} has neither node_modules/.package-lock.json nor package-lock.json, npm's lists of what is installed; run \`npm install\` there`,
    );
  }
  const entries = await readLockEntries(file);
  if (entries === undefined) {
    throw new VarveError(
      "INVALID_GRAPH",
      `${file} is not an npm lock file of version 2 or 3; write it again with \`npm install\` of npm 7 or newer`,
    );
  }
  let root: NpmManifest = entries.get("") ?? {};
  entries.delete("");
  const manifest = join(project, "package.json");
  if (existsSync(manifest)) {
    root = check(packageSchema, parseJson(manifest, await readText(manifest)), manifest);
  }
  return { file, entries, root };
}

/**
 * The entries of a lock file, that of the project as `""`; undefined if it isn't of version 2 or 3.
 * @throws {VarveError} INVALID_GRAPH, INVALID_JSON
 */
export async function readLockEntries(file: string): Promise<Map<string, LockEntry> | undefined> {
  const lock = parseJson(file, await readText(file));
  if (!isObject(lock) || !isObject(lock["packages"])) return undefined;
  return new Map(
    Object.entries(lock["packages"]).map(([key, value]) => [
      key === "" ? key : checkKey(file, key),
      check(entrySchema, value, `${file}: the entry ${JSON.stringify(key)}`),
    ]),
  );
}

function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const field = path.length === 0 ? "" : ` in "${path.join(".")}"`;
  throw new VarveError("INVALID_GRAPH", `${where} does not fit npm's format${field}: ${message}`);
}

/** Refuses a key that doesn't lead straight down, except for the `../` with which a linked folder may begin. */
function checkKey(file: string, key: string): string {
  const isPlain = posix.normalize(key) === key && !posix.isAbsolute(key) && !/[\0\\]|\/$|^\.{1,2}$/.test(key);
  if (isPlain) return key;
  throw new VarveError(
    "INVALID_GRAPH",
    `${file} has an entry ${JSON.stringify(key)}, which is not a plain path`,
  );
}

/** The name under which a package is installed, from its key; undefined for a folder outside of `node_modules`. */
export function installedName(key: string): string | undefined {
  return /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(key)?.[1];
}
