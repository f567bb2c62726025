import type { Descriptor, Digest } from "#oci";
import type { ByteSource } from "#util";

/**
 * A layer whose digest is known. `open` yields the bytes that the descriptor describes and checks them as they pass. If they
 * are wrong it throws a `VarveError` before it ends, so a layer that was written to its end is the right one.
 */
export interface Layer extends ByteSource {
  readonly descriptor: Descriptor;
  /** The digest of the uncompressed tar archive: OCI image specification, config.md, "Layer DiffID". */
  readonly diffId: Digest;
  /** The ids of the graph's components that are in it; empty if they aren't known. */
  readonly components: readonly string[];
  /** True for the layer of an image that has a manifest: sinks store it as it is, compressed or not. */
  readonly keep?: boolean;
  /** Whether it was made of what has the same hash on every machine, so that others can use what is known of it. */
  readonly portable?: boolean;
  /**
   * True if the digests are only claimed by someone else's cache: then the layer must be read to its end before an image that
   * has it gets its name. `writeImage` takes care of that, even if no sink needs the bytes.
   */
  readonly claimed?: true;
  /** What the manifest says of the layer besides, however it is stored. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The repository of a registry that has the layer, for a push to the same registry. */
  readonly origin?: { readonly registry: string; readonly repository: string };
}

/**
 * A layer that hasn't been read yet, for sinks that can store bytes without knowing their digest first. It is hashed when it
 * is read for the first time.
 */
export interface UnmeasuredLayer extends ByteSource {
  readonly components: readonly string[];
  /** About how many bytes the uncompressed archive will have. */
  readonly estimatedSize: number;
  readonly annotations?: Layer["annotations"];
  /**
   * Whether it's likely that the place where it goes has it, since an earlier image had the same components: then it is worth being
   * compressed to learn its digest before anything is sent.
   */
  readonly expected?: boolean;
  /** The measured layer, once it has been read to its end. */
  measured(): Layer;
}

/** Whether a layer still has to be read to be known. */
export function isUnmeasured(layer: Layer | UnmeasuredLayer): layer is UnmeasuredLayer {
  return "estimatedSize" in layer;
}
