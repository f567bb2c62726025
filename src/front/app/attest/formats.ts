/** The formats of SBOMs. */
import {
  type Bom,
  type BomPart,
  type BomSubject,
  CYCLONEDX_TYPE,
  cyclonedx,
  makeBom,
  SPDX_TYPE,
  spdx,
} from "#attest";
import { varveVersion } from "#util";

/** CycloneDX 1.6 or SPDX 2.3, both as JSON. */
export type SbomFormat = "cyclonedx" | "spdx";

/** Media types by format. */
export const SBOM_TYPES = {
  cyclonedx: CYCLONEDX_TYPE,
  spdx: SPDX_TYPE,
} as const satisfies Record<SbomFormat, string>;

/** What an image is made of, as this varve writes it down. */
export function bomOf(parts: readonly BomPart[], subject: BomSubject): Bom {
  return makeBom(parts, { subject, tool: { version: varveVersion() } });
}

/** Writes a document of what is known. */
export function sbomBytes(bom: Bom, format: SbomFormat): Buffer {
  return format === "cyclonedx" ? cyclonedx(bom) : spdx(bom);
}
