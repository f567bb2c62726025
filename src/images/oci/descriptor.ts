import type { Digest } from "./digest.ts";

/** Points at content by what it is: OCI image specification, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** The content's length in bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  /** Where foreign content may be found too; varve never sends credentials there. */
  readonly urls?: readonly string[];
  readonly artifactType?: string;
}

/** What an image runs on: OCI image specification, image-index.md, "platform". */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}
