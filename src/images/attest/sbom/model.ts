/** What an SBOM says, whichever format it is written in. */
import type { Digest } from "#oci";

/** Algorithms as CycloneDX calls them. */
export type HashAlgorithm = "MD5" | "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";

export interface ComponentHash {
  readonly algorithm: HashAlgorithm;
  /** In lower case. */
  readonly hex: string;
}

/**
 * - `library`: a package. - `application`: what is made from its own sources, such as the project.
 * - `operating-system`: the distribution that packages are of.
 */
export type BomComponentType = "library" | "application" | "operating-system";

/** Something that is in an image, as it is found. */
export interface BomPart {
  /** Its name among the image's parts. */
  readonly id: string;
  readonly type: BomComponentType;
  /** The name with its scope: `@types/node`. */
  readonly name: string;
  /** Empty where nothing says it. */
  readonly version: string;
  /** A package URL; absent where there is no type for it. */
  readonly purl?: string | undefined;
  readonly hashes?: readonly ComponentHash[];
  /** An SPDX expression, or whatever is said in its place. */
  readonly licence?: string | undefined;
  /** Who packages it: a name, and perhaps an address in angle brackets. */
  readonly supplier?: string | undefined;
  readonly author?: string | undefined;
  /** The diff ID of the layer that it is in. */
  readonly layer?: Digest | undefined;
  /** Where it is in the image; absolute. */
  readonly place?: string | undefined;
  /** Further facts by names of varve's own, such as `nar-hash`. */
  readonly facts?: Readonly<Record<string, string>>;
  /** The ids of what it needs; those that aren't among the parts don't count. */
  readonly dependsOn?: readonly string[];
}

/** A part in its document. */
export interface BomComponent extends Omit<BomPart, "id" | "dependsOn" | "hashes"> {
  /** Unique in the document: its package URL, with more behind it where several have the same one. */
  readonly ref: string;
  readonly hashes: readonly ComponentHash[];
  /** References of other components, in order. */
  readonly dependsOn: readonly string[];
}

/** The image that a document is about. */
export interface BomSubject {
  /** What the image calls itself. */
  readonly name: string;
  /** Of its manifest, or where there is none of its config. */
  readonly digest: Digest;
  /** Of its config: the image's ID. */
  readonly config: Digest;
  readonly platform: string;
  /** When it says that it was made: ISO 8601. */
  readonly created?: string | undefined;
}

/** What writes documents. */
export interface BomTool {
  /** varve's own version. */
  readonly version: string;
}

/** All that a document says. */
export interface Bom {
  readonly subject: BomSubject;
  readonly tool: BomTool;
  /** In the order of their references. */
  readonly components: readonly BomComponent[];
  /** References of what the image itself needs; all others are needed by these. */
  readonly top: readonly string[];
}
