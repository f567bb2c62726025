import type { DigestCache } from "#cache";
import type { KeptListings } from "#fs";
import type { ReferencesGraph } from "#graph";
import type { Image } from "#image";
import type { Layout } from "#layering";
import type { SharedLayers } from "#measure";
import type { PlanOptions } from "#plan";
import type { ScriptName } from "#sandbox";
import type { SpoolLimit } from "#util";

/** What a draft is made with, besides its spec. */
export interface DraftOptions extends SpoolLimit {
  /** The image that the spec's `fromImage` names; its reader must stay open until the draft is written. */
  readonly base?: Image | undefined;
  /** The image that the spec's `layersFrom` names, unless that is a file with a layout. */
  readonly lastImage?: Image | undefined;
  /** The images that the spec's `sharedWith` names, by their places; see planning. */
  readonly sharedImages?: PlanOptions["sharedImages"];
  /** This machine's, as Go names it, for a spec that names none. */
  readonly architecture: string;
  /** What `"now"` means. */
  readonly now: Date;
  /** Layers that it knows aren't measured again. */
  readonly cache?: DigestCache | undefined;
  /** `PATH`, on which programs are found, for specs with scripts or a Nix database. */
  readonly path: string;
  /** The folder in which temporary folders for trees and layers are made. */
  readonly temporary: string;
  /** Receives each line that a script writes, as it comes. */
  readonly onOutput?: ((line: string, script: ScriptName) => void) | undefined;
  /** Absolute paths that the image is written to, which therefore aren't part of it. */
  readonly outputs?: readonly string[] | undefined;
  /** Says, once the graph is read, which absolute paths of its components' folders aren't part of the image. */
  readonly leftOut?: ((graph: ReferencesGraph) => readonly string[]) | undefined;
  /** Reads the graph; see planning. */
  readonly readGraph?: PlanOptions["readGraph"];
  /** The layouts that this image and others keep to, instead of what the spec's lock file has. */
  readonly lock?: PlanOptions["lock"];
  /** Trees that were listed for other images of the same run. */
  readonly listings?: KeptListings | undefined;
  /** What is measured at the same time for other images. */
  readonly shared?: SharedLayers | undefined;
  /** A layout to keep to instead of the spec's own. */
  readonly likeLayout?: Layout | undefined;
  /** Receives sentences that the user may want to know. */
  readonly onNote?: ((sentence: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
