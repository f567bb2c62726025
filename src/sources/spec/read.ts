/** Reads specs from files, whose paths are relative to the folder that they are in. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { looksLikePath, parseJson, readWhole } from "#util";
import type { ImageSpecInput } from "./input.ts";
import { withoutComments } from "./jsonc.ts";
import { SCRIPT_FIELDS } from "./scripts.ts";
import { type CheckOptions, checkSpec, type ImageSpec } from "./spec.ts";

/** More bytes than any spec has. */
const MAX_SPEC_SIZE = 16 * 1024 * 1024;

/** A spec's fields, not yet checked. */
export type SpecFields = Partial<ImageSpecInput>;

export interface ReadSpecOptions {
  /** Gets the file's fields, not yet checked, and returns those that count. */
  readonly change?: ((fields: SpecFields) => SpecFields) | undefined;
  /** Ends the wait for a pipe that nobody writes to. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a spec file.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `INVALID_SPEC`
 */
export async function readSpec(
  path: string,
  { change = (fields) => fields, signal }: ReadSpecOptions = {},
): Promise<ImageSpec> {
  const value = await readSpecJson(path, signal);
  const fields = isFields(value) ? change(withPaths(value, dirname(resolve(path)))) : value;
  return checkSpec(fields, { what: path });
}

/**
 * As {@link checkSpec}, of a spec whose paths are relative to a folder.
 * @throws VarveError `INVALID_SPEC`
 */
export function checkSpecIn(folder: string, value: ImageSpecInput, options?: CheckOptions): ImageSpec {
  return checkSpec(isFields(value) ? withPaths(value, resolve(folder)) : value, options);
}

/**
 * What is in a spec file: JSON, in which there may be comments and trailing commas.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`
 */
export async function readSpecJson(path: string, signal?: AbortSignal): Promise<unknown> {
  const bytes = await readWhole(path, { limit: MAX_SPEC_SIZE, signal });
  return parseSpecJson(bytes, path);
}

/** As {@link readSpecJson}, of bytes that were read. */
export function parseSpecJson(bytes: Uint8Array, what: string): unknown {
  const text = Buffer.from(bytes).toString();
  const plain = withoutComments(text);
  // What isn't UTF-8 has to be seen as it is.
  const strict = plain === text ? bytes : Buffer.from(plain);
  return parseJson(strict, { what, maxBytes: MAX_SPEC_SIZE });
}

/** Whether a JSON value can be a spec's fields. */
export function isFields(value: unknown): value is SpecFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const PATH_FIELDS: ReadonlySet<string> = new Set([
  "graph",
  "contents",
  "copyToRoot",
  "caCertificates",
  "lockFile",
]);

/** These are a path only if they are a text. */
const FILE_OR_VALUE: ReadonlySet<string> = new Set(["weights", "layeringPipeline"]);

const PLACE_FIELDS: ReadonlySet<string> = new Set(["fromImage", "layersFrom", "sharedWith"]);

/** Says that the layout is that of the image that is now where this one is pushed to. */
export const DESTINATION = "destination";

/** A spec's fields with absolute paths; its own are relative to the spec's folder. */
export function withPaths(fields: SpecFields, folder: string): SpecFields {
  const absolute = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(absolute);
    return typeof value === "string" ? resolve(folder, value) : value;
  };
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => {
      if ((SCRIPT_FIELDS as readonly string[]).includes(key)) return [key, scriptIn(folder, value)];
      if (key === "files" && Array.isArray(value)) return [key, value.map((each) => fileIn(folder, each))];
      if (key === "fromImage" && typeof value === "object") return [key, baseIn(folder, value)];
      if (key === "layersFrom" && value === DESTINATION) return [key, value];
      if (key === "sharedWith" && Array.isArray(value)) {
        return [key, value.map((each) => (typeof each === "string" ? absolutePlace(each, folder) : each))];
      }
      if (typeof value === "string") {
        if (PLACE_FIELDS.has(key)) return [key, absolutePlace(value, folder)];
        if (FILE_OR_VALUE.has(key)) return [key, resolve(folder, value)];
      }
      return [key, PATH_FIELDS.has(key) ? absolute(value) : value];
    }),
  );
}

/** An entry of `files` whose path on this machine is absolute. */
function fileIn(folder: string, entry: unknown): unknown {
  if (typeof entry !== "object" || entry === null || !("from" in entry)) return entry;
  // An empty path is a mistake, and not the folder.
  return typeof entry.from === "string" && entry.from !== ""
    ? { ...entry, from: resolve(folder, entry.from) }
    : entry;
}

/** A base whose place, and the files of what is demanded of it, are absolute. */
function baseIn(folder: string, base: unknown): unknown {
  if (typeof base !== "object" || base === null || !("ref" in base)) return base;
  const { ref, ...others } = base as { ref: unknown; verify?: unknown };
  const place = typeof ref === "string" ? absolutePlace(ref, folder) : ref;
  const { verify } = others;
  if (typeof verify !== "object" || verify === null) return { ...others, ref: place };
  const files = Object.entries(verify).map(([key, value]) => [
    key,
    VERIFY_FILES.has(key) && typeof value === "string" && value !== "" && !value.includes("://")
      ? resolve(folder, value)
      : value,
  ]);
  return { ...others, ref: place, verify: Object.fromEntries(files) };
}

const VERIFY_FILES: ReadonlySet<string> = new Set(["key", "trustedRoot", "tufRoot"]);

/** A script whose file, if it is in one, has its absolute path. */
function scriptIn(folder: string, script: unknown): unknown {
  if (typeof script !== "object" || script === null || !("file" in script)) return script;
  return typeof script.file === "string" ? { ...script, file: resolve(folder, script.file) } : script;
}

/** A base image's place with its path made absolute; what isn't a path stays as it is. */
function absolutePlace(place: string, folder: string): string {
  const [, transport, path] = /^(docker-archive|oci-archive|oci):(.*)$/s.exec(place) ?? [];
  if (transport !== undefined) return `${transport}:${resolve(folder, path!)}`;
  return looksLikePath(place) || existsSync(resolve(folder, place)) ? resolve(folder, place) : place;
}
