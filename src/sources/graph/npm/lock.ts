import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { VarveError } from "#errors";
import { isObject, type JsonObject, parseJson, readText } from "../file.ts";
import { picks } from "../yaml.ts";

/** What varve reads about a package; a lock file's entry and a `package.json` have the same fields. */
export interface NpmManifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: JsonObject;
  readonly optionalDependencies?: JsonObject;
  readonly devDependencies?: JsonObject;
  readonly peerDependencies?: JsonObject;
}

/** One entry of a lock file's `packages`: an installed package, or a link to one. */
export interface LockEntry extends NpmManifest {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly peer?: boolean;
  readonly extraneous?: boolean;
  readonly integrity?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

/** A kind of field: what it must be, in words, and whether a value is that. */
interface Kind {
  readonly words: string;
  fits(value: unknown): boolean;
}

const TEXT: Kind = { words: "a string", fits: (value) => typeof value === "string" };
const FLAG: Kind = { words: "true or false", fits: (value) => typeof value === "boolean" };
const NAMES: Kind = { words: "an object", fits: isObject };
const LIST: Kind = {
  words: "a list of strings",
  fits: (value) => TEXT.fits(value) || (Array.isArray(value) && value.every(TEXT.fits)),
};

const MANIFEST_KINDS: Readonly<Record<keyof NpmManifest, Kind>> = {
  ...{ name: TEXT, version: TEXT },
  ...{ dependencies: NAMES, optionalDependencies: NAMES, devDependencies: NAMES, peerDependencies: NAMES },
};

const ENTRY_KINDS: Readonly<Record<keyof LockEntry, Kind>> = {
  ...MANIFEST_KINDS,
  ...{ resolved: TEXT, integrity: TEXT },
  ...{ link: FLAG, dev: FLAG, devOptional: FLAG, optional: FLAG, peer: FLAG, extraneous: FLAG },
  ...{ os: LIST, cpu: LIST, libc: LIST },
};

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
    root = check<NpmManifest>(MANIFEST_KINDS, parseJson(manifest, await readText(manifest)), manifest);
  }
  return { file, entries, root };
}

/** Whether npm has installed packages in a store, each beside links to what it needs (`--install-strategy=linked`). */
export function isInStore({ entries }: NpmLock): boolean {
  return [...entries.keys()].some((key) => key.startsWith("node_modules/.store/"));
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
      withLists(check<LockEntry>(ENTRY_KINDS, value, `${file}: the entry ${JSON.stringify(key)}`)),
    ]),
  );
}

/** npm writes down what a package has in its `package.json`, where one text is as good as a list of one. */
function withLists(entry: LockEntry): LockEntry {
  const { os, cpu, libc } = entry;
  if (![os, cpu, libc].some(TEXT.fits)) return entry;
  const lists = Object.entries({ os, cpu, libc }).map(([name, value]) => [name, picks(value)] as const);
  return { ...entry, ...Object.fromEntries(lists.filter(([, list]) => list !== undefined)) };
}

/** There are hundreds of entries, all alike, and a schema would take most of the time of reading a project. */
function check<T extends object>(kinds: Readonly<Record<keyof T, Kind>>, value: unknown, where: string): T {
  if (!isObject(value)) throw unfit(where, "", "an object");
  for (const name in kinds) {
    const field = value[name];
    if (field !== undefined && !kinds[name].fits(field))
      throw unfit(where, ` in "${name}"`, kinds[name].words);
  }
  return value as T;
}

function unfit(where: string, field: string, words: string): VarveError {
  return new VarveError("INVALID_GRAPH", `${where} does not fit npm's format${field}: it must be ${words}`);
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
