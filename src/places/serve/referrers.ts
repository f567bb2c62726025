import { type Descriptor, digestOf } from "#oci";
import type { ServedManifest } from "./pull-side.ts";

/** The digest of a manifest's subject; undefined without one, and for what isn't a manifest's JSON. */
export function subjectOf(bytes: Uint8Array): string | undefined {
  const digest = objectOf(objectOf(parsed(bytes))["subject"])["digest"];
  return typeof digest === "string" ? digest : undefined;
}

/**
 * Those of manifests that have a subject of this digest, as the list of its referrers has them: OCI distribution specification,
 * "Listing Referrers".
 */
export function referrersAmong(
  manifests: Iterable<Pick<ServedManifest, "mediaType" | "bytes">>,
  subject: string,
): Descriptor[] {
  return [...manifests].filter(({ bytes }) => subjectOf(bytes) === subject).map(referrer);
}

function referrer({ mediaType, bytes }: Pick<ServedManifest, "mediaType" | "bytes">): Descriptor {
  const manifest = objectOf(parsed(bytes));
  const own = manifest["artifactType"];
  const type = typeof own === "string" && own !== "" ? own : objectOf(manifest["config"])["mediaType"];
  const annotations = manifest["annotations"] as Record<string, string> | undefined;
  return {
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
    ...(typeof type === "string" && { artifactType: type }),
    ...(annotations !== undefined && { annotations }),
  };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
