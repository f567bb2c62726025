import type { Descriptor, Digest } from "#oci";
import type { ByteSource } from "#util";

/**
 * A layer whose digest is known. `open` yields the bytes that the descriptor describes, and checks them as they
 * pass: it throws a `VarveError` instead of ending when they were others, so who writes a layer whole has written
 * the right one.
 */
export interface Layer extends ByteSource {
  readonly descriptor: Descriptor;
  /** The digest of the uncompressed tar archive: OCI image specification, config.md, "Layer DiffID". */
  readonly diffId: Digest;
  /** The ids of the graph's components that are in it; empty where they aren't known. */
  readonly components: readonly string[];
  /** True for the layer of an image that has a manifest: sinks store it as it is, compressed or not. */
  readonly keep?: boolean;
  /** Whether it was made of what has the same hash on every machine, so that others can use what is known of it. */
  readonly portable?: boolean;
  /**
   * True where the digests are only what a cache from elsewhere claims: then the layer has to be read to its end before an
   * image that has it is named. `writeImage` sees to that, whatever its sinks can do without.
   */
  readonly claimed?: true;
  /** The repository of a registry that has the layer, for a push to the same registry. */
  readonly origin?: { readonly registry: string; readonly repository: string };
}

/**
 * A layer that nobody has read yet, for who can store bytes without knowing their digest first: what is read once is
 * hashed as it passes.
 */
export interface UnmeasuredLayer extends ByteSource {
  readonly components: readonly string[];
  /** About how many bytes the uncompressed archive will have. */
  readonly estimatedSize: number;
  /** What the layer is, once a reading has come to its end. */
  measured(): Layer;
}

/** Whether a layer is one that must be read to be known. */
export function isUnmeasured(layer: Layer | UnmeasuredLayer): layer is UnmeasuredLayer {
  return "estimatedSize" in layer;
}
