/** What installed packages say of themselves: of hundreds of `package.json` files nearly all are as they were at the last build. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { readError } from "#errors";
import { isObject, type JsonObject } from "./file.ts";
import { readManifest } from "./workspace.ts";

/** Keeps bytes from run to run. */
export interface ManifestStore {
  get(): Uint8Array | undefined;
  put(bytes: Uint8Array): void;
  /** A file that changed later than this, in milliseconds since 1970, could change again and show the same times. */
  readonly settled: number;
}

/** The fields that matter of a package that is installed; others are most of what a `package.json` has. */
const FIELDS = [
  ...[
    "name",
    "version",
    "repository",
    "license",
    "licenses",
    "author",
    "os",
    "cpu",
    "libc",
    "bundleDependencies",
    "bundledDependencies",
  ],
  ...["dependencies", "optionalDependencies", "devDependencies", "peerDependencies"],
];
const SCRIPTS = ["preinstall", "install", "postinstall"];

/** Raise it when other fields are kept. */
const FORMAT = 1;

interface Known {
  /** Everything that `stat` says of the file and that would change with it. */
  readonly identity: string;
  readonly manifest: JsonObject;
}

/** Reads each package's `package.json` once, or not at all. */
export class Manifests {
  readonly #store: ManifestStore | undefined;
  readonly #before: ReadonlyMap<string, Known>;
  readonly #found = new Map<string, Known | undefined>();
  readonly #settled = new Map<string, Known>();
  #isOther = false;
  /** How many were kept. */
  #kept: number;

  constructor(store?: ManifestStore) {
    this.#store = store;
    this.#before = decoded(store?.get());
    this.#kept = this.#before.size;
  }

  /**
   * The fields that matter of a package's `package.json`; undefined if it has none.
   * @throws VarveError as `readManifest`
   */
  async of(folder: string): Promise<JsonObject | undefined> {
    if (!this.#found.has(folder)) this.#found.set(folder, await this.#read(folder));
    return this.#found.get(folder)?.manifest;
  }

  /** Keeps what was read for the next run, unless it is the same as what is kept. */
  keep(): void {
    if (!this.#isOther && this.#settled.size === this.#kept) return;
    const value = { format: FORMAT, known: [...this.#settled] };
    this.#store?.put(Buffer.from(JSON.stringify(value)));
    this.#isOther = false;
    this.#kept = this.#settled.size;
  }

  async #read(folder: string): Promise<Known | undefined> {
    const state = stateOf(join(folder, "package.json"));
    const before = this.#before.get(folder);
    const isKnown = before !== undefined && before.identity === state?.identity;
    const manifest = isKnown ? before.manifest : await readManifest(folder);
    if (manifest === undefined || state === undefined) return undefined;
    const known = isKnown ? before : { identity: state.identity, manifest: fieldsOf(manifest) };
    if (isKnown || state.changed < (this.#store?.settled ?? 0)) {
      this.#settled.set(folder, known);
      this.#isOther ||= !isKnown;
    }
    return known;
  }
}

/** @throws VarveError `UNREADABLE` */
function stateOf(file: string): { readonly identity: string; readonly changed: number } | undefined {
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const { dev, ino, size, mtimeMs, ctimeMs } = stats;
    return { identity: [dev, ino, size, mtimeMs, ctimeMs].join(" "), changed: ctimeMs };
  } catch (error) {
    throw readError(file, error);
  }
}

function fieldsOf(manifest: JsonObject): JsonObject {
  const scripts = isObject(manifest["scripts"]) ? picked(manifest["scripts"], SCRIPTS) : {};
  return { ...picked(manifest, FIELDS), ...(Object.keys(scripts).length > 0 && { scripts }) };
}

function picked(value: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]),
  );
}

function decoded(bytes: Uint8Array | undefined): Map<string, Known> {
  if (bytes === undefined) return new Map();
  try {
    const { format, known } = JSON.parse(Buffer.from(bytes).toString());
    return new Map(format === FORMAT ? known : []);
  } catch {
    return new Map();
  }
}
