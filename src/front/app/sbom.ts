/** Writes down what an image is made of. */
import type { Digest } from "#oci";
import type { ImageSpecInput } from "#spec";
import type { SbomFormat } from "./attest/formats.ts";
import type { SpecOptions } from "./build.ts";

/** How an SBOM is written. */
export interface SbomOptions extends SpecOptions {
  /** CycloneDX unless given. */
  readonly format?: SbomFormat | undefined;
}

/** What an image is made of, written down. */
export interface Sbom {
  /** Where the image is, or what its spec calls it. */
  readonly source: string;
  readonly format: SbomFormat;
  readonly mediaType: string;
  /** Of the image's manifest; of its config where it has no manifest, as in a docker-archive, or isn't written. */
  readonly image: Digest;
  /** How many packages and other components there are. */
  readonly components: number;
  /** The document. */
  readonly bytes: Uint8Array;
}

/**
 * Writes down what an image is made of: packages and what they need, licences, hashes, and the layer that each is in. Of an image that is
 * somewhere, its layers are read and nothing is unpacked; of one that a spec or a project asks for, the references graph says it exactly, and
 * the base's layers tell the rest. The same image gives the same bytes.
 * @param given - the image's place, a spec's or a project's path, or a spec; a spec's image is measured, but not written
 * @throws VarveError what opening and reading the image throws, and for specs what `build` does
 */
export async function sbom(given: string | ImageSpecInput, options: SbomOptions = {}): Promise<Sbom> {
  const { makeSbom } = await import("./attest/sbom.ts");
  return await makeSbom(given, options);
}
