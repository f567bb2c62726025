/** The conf JSON of nixpkgs' stream script: reading and checking it. */
import { isUtf8 } from "node:buffer";
import { VarveError } from "#errors";
import type { Ownership } from "#fs";
import { readWhole } from "#util";
import {
  type PyJson,
  type PyObject,
  parsePythonDatetime,
  parsePythonJson,
  pythonInt,
  timestampSeconds,
} from "./python/index.ts";

/** More bytes than any conf has, which takes about a hundred for a store path. */
const MAX_BYTES = 256 * 1024 * 1024;

/** What `varve stream` is asked for. */
export interface StreamConf {
  readonly architecture: string;
  /** The image's own configuration, in the order of its keys; null as the script takes it. */
  readonly config: PyObject | null;
  /** ISO 8601, as Python prints the time that was given. */
  readonly created: string;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly owner: Ownership;
  readonly storeDir: string;
  /** Where the base image is. */
  readonly fromImage: string | undefined;
  /** From the bottom up; absolute paths. */
  readonly storeLayers: readonly (readonly string[])[];
  /** Folders that say what some of these are; varve's own, of which nixpkgs' script takes no notice. */
  readonly builtLayers: readonly string[];
  /** Store paths that nix-snapshotter mounts, in place of layers with them; undefined for an image that holds all it needs. */
  readonly storeMounts: readonly string[] | undefined;
  /** A folder with `layer.tar` and `checksum`. */
  readonly customisationLayer: string;
  readonly repoTag: string;
}

export interface ReadConfOptions {
  /** What `"now"` means. */
  readonly now: Date;
  /** Ends the wait for a pipe that nobody writes to. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a conf file.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `TOO_LARGE`, `INVALID_JSON`, `INVALID_CONF` (naming the field)
 */
export async function readConf(path: string, options: ReadConfOptions): Promise<StreamConf> {
  const bytes = await readWhole(path, { limit: MAX_BYTES, signal: options.signal });
  if (!isUtf8(bytes)) throw new VarveError("INVALID_JSON", `${path} is not valid JSON: it is not UTF-8`);
  return parseConf(parsePythonJson(bytes.toString(), { what: path }), { ...options, what: path });
}

/** Reads a conf's text. Throws what {@link readConf} throws of a file's content. */
export function parseConfText(text: string, options: ReadConfOptions & { what: string }): StreamConf {
  return parseConf(parsePythonJson(text, options), options);
}

function parseConf(value: PyJson, { now, what }: ReadConfOptions & { what: string }): StreamConf {
  const fields = new Fields(value, what);
  return {
    architecture: fields.text("architecture"),
    config: fields.config(),
    created: parsePythonDatetime(fields.text("created"), { field: `created of ${what}`, now }).isoformat(),
    mtime: timestampSeconds(parsePythonDatetime(fields.text("mtime"), { field: `mtime of ${what}`, now })),
    owner: {
      uid: fields.id("uid"),
      gid: fields.id("gid"),
      uname: fields.text("uname"),
      gname: fields.text("gname"),
    },
    storeDir: fields.text("store_dir"),
    fromImage: fields.get("from_image") === null ? undefined : fields.text("from_image"),
    storeLayers: fields.storeLayers(),
    builtLayers: fields.paths("built_layers") ?? [],
    storeMounts: fields.paths("store_mounts"),
    customisationLayer: fields.text("customisation_layer"),
    repoTag: fields.text("repo_tag"),
  };
}

/** The conf's fields, each asked for with the type it must have. */
class Fields {
  readonly #fields: PyObject;
  readonly #what: string;

  constructor(value: PyJson, what: string) {
    if (!(value instanceof Map))
      throw new VarveError("INVALID_CONF", `${what} isn't a conf: it must be a JSON object`);
    this.#fields = value;
    this.#what = what;
  }

  get(name: string): PyJson {
    const value = this.#fields.get(name);
    if (value === undefined) throw new VarveError("INVALID_CONF", `${this.#what} lacks the field ${name}`);
    return value;
  }

  text(name: string): string {
    const value = this.get(name);
    if (typeof value !== "string") throw this.#wrongType(name, "a string");
    return value;
  }

  /** A user's or group's number. No system has one that a double can't hold. */
  id(name: string): number {
    const id = Number(pythonInt(this.get(name), `${name} of ${this.#what}`));
    if (!Number.isSafeInteger(id)) throw this.#wrongType(name, "an id of less than 16 digits");
    return id;
  }

  config(): PyObject | null {
    const value = this.get("config");
    if (value !== null && !(value instanceof Map)) throw this.#wrongType("config", "an object");
    const env = value?.get("Env") ?? null;
    if (env !== null && !isTextList(env)) throw this.#wrongType("config.Env", "a list of strings");
    return value;
  }

  storeLayers(): string[][] {
    const value = this.get("store_layers");
    if (!Array.isArray(value) || !value.every(isTextList)) {
      throw this.#wrongType("store_layers", "a list of lists of paths");
    }
    return value;
  }

  /** One of varve's own fields, which needn't be there. */
  paths(name: "built_layers" | "store_mounts"): string[] | undefined {
    const value = this.#fields.get(name);
    if (value !== undefined && !isTextList(value)) throw this.#wrongType(name, "a list of paths");
    return value;
  }

  #wrongType(name: string, type: string): VarveError {
    return new VarveError("INVALID_CONF", `the field ${name} of ${this.#what} must be ${type}`);
  }
}

function isTextList(value: PyJson): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
