/** What a check has found, with the advisories that are about the image. */
import type { BomPart } from "#attest";
import type { DigestCache } from "#cache";
import type { Image } from "#image";
import { type IgnoreRule, type Sifted, sift } from "#inspect";
import type { ImageConfig, RawDocument } from "#oci";
import { type AuditOptions, auditComponents, auditFindings } from "./audit.ts";
import { type BuiltContents, builtParts, imageParts, subjectOf } from "./contents.ts";
import { bomOf } from "./formats.ts";

interface AuditContext extends AuditOptions {
  readonly cache: DigestCache | undefined;
  readonly signal: AbortSignal | undefined;
}

/** An image that is checked; of one that was made of a graph, what it was made of. */
export interface AuditedImage {
  readonly config: RawDocument<ImageConfig>;
  readonly layers: Image["layers"];
  readonly base: Image | undefined;
  readonly made?: Pick<BuiltContents, "graph" | "workingDir"> | undefined;
  readonly rules?: readonly IgnoreRule[] | undefined;
}

/**
 * Adds what advisories say to what was found.
 * @throws VarveError what reading advisories and layers throws
 */
export async function audited(
  sifted: Sifted,
  { config, layers, base, made, rules = [] }: AuditedImage,
  context: AuditContext,
): Promise<Sifted> {
  const parts: BomPart[] = made
    ? await builtParts({ ...made, layers, base }, context)
    : await imageParts({ layers }, context);
  const { components } = bomOf(parts, subjectOf({ config }, config.descriptor.digest));
  const found = await auditComponents(components, context, context.signal);
  const own = auditFindings(found, new Set(base?.layers.map(({ diffId }) => diffId)));
  const { findings, ignored, unused } = await sift(
    own.findings,
    rules.filter(({ code }) => code === "advisory"),
  );
  return {
    findings: [...sifted.findings, ...findings],
    ignored: [...sifted.ignored, ...own.ignored, ...ignored],
    unused: [...sifted.unused, ...unused],
  };
}
