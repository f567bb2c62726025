import type * as z from "zod";
import { VarveError } from "#errors";
import { parseJson } from "#util";
import type { Descriptor } from "./descriptor.ts";
import { algorithmOf, type Digest, digestOf } from "./digest.ts";
import { isIndexType, isManifestType, isSchema1Type } from "./media-types.ts";

/** Manifests and indexes larger than this are refused, as registries do: OCI distribution specification, "Pushing Manifests". */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Image configs larger than this are refused; the largest real ones have some hundred KiB. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

/** Raw bytes beside the parsed value: what was hashed is what is written. */
export interface RawDocument<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
  readonly descriptor: Descriptor;
}

/** Where a document came from. */
export interface DocumentOrigin {
  /** Names the document in errors, such as `the manifest of localhost:5000/app:1`. */
  readonly what: string;
  /** The media type that the sender or the descriptor says, parameters allowed. */
  readonly mediaType?: string | undefined;
  /** The digest that the document was asked for by, and has: its descriptor has one of the same algorithm. */
  readonly digest?: Digest | undefined;
}

/**
 * Makes a document of a value: compact JSON, keys in the order the value has them.
 * The descriptor has the bytes' digest and size, and `mediaType`.
 */
export function encodeDocument<T>(value: T, mediaType: string): RawDocument<T> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return rawDocument(bytes, value, { mediaType });
}

/** Joins bytes and what was read from them; `digest` says by which algorithm they are known. */
export function rawDocument<T>(
  bytes: Uint8Array,
  value: T,
  { mediaType, digest }: { mediaType: string; digest?: Digest | undefined },
): RawDocument<T> {
  const own = digestOf(bytes, digest && algorithmOf(digest));
  return { bytes, value, descriptor: { mediaType, digest: own, size: bytes.length } };
}

/** Content types that say nothing about what kind of document it is. */
const UNSPECIFIC = new Set([
  "",
  "application/json",
  "application/octet-stream",
  "text/plain",
  "binary/octet-stream",
]);

/** A Content-Type without its parameters, in lower case; undefined when it says nothing about the kind of document. */
export function specificType(contentType: string | undefined): string | undefined {
  const type = (contentType ?? "").split(";")[0]!.trim().toLowerCase();
  return UNSPECIFIC.has(type) ? undefined : type;
}

/** A manifest's or index's JSON, and what it is by its own word and the sender's. */
export interface VersionedObject {
  readonly value: Record<string, unknown>;
  /** The media type that both words agree on; undefined when neither says one. */
  readonly mediaType: string | undefined;
}

/**
 * The checks that manifests and indexes share: one JSON object, not both an index and a manifest (CVE-2021-41190), the
 * sender's and the document's own media type equal, and not Docker's schema 1.
 */
export function parseVersioned(bytes: Uint8Array, { what, mediaType }: DocumentOrigin): VersionedObject {
  const value = parseJson(bytes, { what, maxBytes: MAX_MANIFEST_BYTES });
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new VarveError("INVALID_MANIFEST", `${what} is not a JSON object`);
  }
  const object = value as Record<string, unknown>;
  // Readers written in Go match keys in any case, so a second spelling would hide a second meaning.
  const keys = new Set(Object.keys(object).map((key) => key.toLowerCase()));
  if (keys.size !== Object.keys(object).length) {
    throw new VarveError("INVALID_MANIFEST", `${what} has a key twice, in upper and lower case`);
  }
  const said = specificType(mediaType);
  if (said !== undefined && isSchema1Type(said)) refuseSchema1(what);
  if (object["schemaVersion"] === 1) refuseSchema1(what);
  if (keys.has("manifests") && (keys.has("layers") || keys.has("config"))) {
    throw new VarveError(
      "INVALID_MANIFEST",
      `${what} is ambiguous: it has the manifests of an index and the layers or config of a manifest`,
    );
  }
  const own = object["mediaType"];
  if (own !== undefined && typeof own !== "string") {
    throw new VarveError("INVALID_MANIFEST", `${what} has a mediaType that is not a string`);
  }
  if (own === undefined || own === "") return { value: object, mediaType: said };
  if (said !== undefined && said !== own) {
    throw new VarveError(
      "INVALID_MANIFEST",
      `${what} was announced as ${shorten(said)} but says of itself that it is ${shorten(own)}`,
    );
  }
  return { value: object, mediaType: own };
}

function refuseSchema1(what: string): never {
  throw new VarveError(
    "INVALID_MANIFEST",
    `${what} is in Docker's schema 1, which has no image config and is no longer supported; push the image again with a current tool`,
  );
}

/** Whether a versioned object is an index, by its media type or else by what it has. */
export function looksLikeIndex({ value, mediaType }: VersionedObject): boolean {
  if (mediaType !== undefined && isIndexType(mediaType)) return true;
  if (mediaType !== undefined && isManifestType(mediaType)) return false;
  return Object.hasOwn(value, "manifests");
}

/**
 * Checks a value against a schema.
 * @throws VarveError `INVALID_MANIFEST` with the first fault's place and reason.
 */
export function checkShape(schema: z.ZodType, value: unknown, what: string): void {
  const result = schema.safeParse(value);
  if (result.success) return;
  const [issue] = result.error.issues;
  const place = (issue?.path ?? []).reduce<string>(
    (text, part) =>
      text + (typeof part === "number" ? `[${part}]` : `${text === "" ? "" : "."}${String(part)}`),
    "",
  );
  const where = place === "" ? "" : ` at ${shorten(place)}`;
  throw new VarveError(
    "INVALID_MANIFEST",
    `${what} is malformed${where}: ${shorten(issue?.message ?? "unknown fault")}`,
  );
}

/** Text out of a document, fit for a sentence: one line, not long. */
export function shorten(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 120);
}
