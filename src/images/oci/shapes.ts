import * as z from "zod";
import type { Descriptor } from "./descriptor.ts";
import { parseDigest } from "./digest.ts";

/** A size in bytes: counted exactly, so within 2^53. */
const size = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const annotationsShape = z.record(z.string(), z.string());

const platformShape = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
  "os.version": z.string().optional(),
  "os.features": z.array(z.string()).optional(),
});

/** A descriptor, its digest not yet looked at: {@link checkDigests} does that, with a better sentence. */
export const descriptorShape = z.looseObject({
  mediaType: z.string().min(1),
  digest: z.string(),
  size,
  annotations: annotationsShape.optional(),
  platform: platformShape.optional(),
  urls: z.array(z.string()).optional(),
  artifactType: z.string().optional(),
});

/** @throws VarveError `INVALID_DIGEST` for the first descriptor whose digest is malformed. */
export function checkDigests(descriptors: readonly Descriptor[], where: string): void {
  for (const [index, { digest }] of descriptors.entries()) parseDigest(digest, `${where}[${index}]`);
}
