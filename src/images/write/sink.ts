import type { CompressionChoice } from "#compress";
import type { Layer, UnmeasuredLayer } from "#image";
import type { Descriptor, Digest, ImageConfig, ImageIndex, Manifest, RawDocument } from "#oci";

/** How a layer was stored: it was written, or was there already, or the registry took it from another repository. */
export type LayerOutcome = "written" | "present" | "mounted";

/** The progress of a layer. */
export interface LayerProgress {
  /** Counted from 0. */
  readonly index: number;
  /** As the layer came; undefined while it isn't known. */
  readonly digest: Digest | undefined;
  /** Bytes of the layer as it came; an estimate while its digest isn't known. */
  readonly size: number;
  /** Bytes of it that have been handed over. */
  readonly done: number;
  /** Set once, when the layer is through. */
  readonly outcome?: LayerOutcome;
}

/**
 * What layers were when they were compressed before, so that a sink can tell whether it has them without compressing
 * them again. What it says is checked if the layer is compressed all the same.
 */
export interface KnownBlobs {
  /** This user's own entries: if a sink has the blob, the layer needn't be compressed. */
  get(layer: Layer, choice: CompressionChoice): KnownBlob | undefined;
  /** What others claim: if a sink has the blob, and compressing the layer gives the same blob or the user believes them, it needn't be sent. */
  claimed?(layer: Layer, choice: CompressionChoice): Promise<ClaimedBlob | undefined>;
  /** Whether there is anybody to ask for that, and whether they are believed. */
  readonly claims?: "none" | "checked" | "believed";
  put(layer: Layer, choice: CompressionChoice, blob: KnownBlob): void;
  /** Forgets what proved wrong. */
  drop(layer: Layer, choice: CompressionChoice): void;
}

/** The digest and the size in bytes of a blob, and what a descriptor says besides, if it does. */
export type KnownBlob = Pick<Descriptor, "digest" | "size" | "annotations">;

/** A blob that others say a layer is when it is compressed. */
export interface ClaimedBlob extends KnownBlob {
  /** True if nobody has to see whether it is so. */
  readonly believed?: true;
}

/** How an image is written to a sink. */
export interface OpenOptions {
  /** How to compress layers that aren't compressed; absent for the sink's own way. Other layers stay as they are. */
  readonly compression?: CompressionChoice | undefined;
  readonly known?: KnownBlobs | undefined;
  /** Called with a sentence when the image is there, but not of the use that was meant. */
  readonly onWarning?: ((sentence: string) => void) | undefined;
  /** Gets a sentence about the way that was taken, for who wants details. */
  readonly onDetail?: ((sentence: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How an index is written to a sink. */
export interface IndexOptions extends OpenOptions {
  /** The names that it gets if the sink's place has none. */
  readonly names?: readonly string[] | undefined;
}

/** Where images are written to. */
export interface ImageSink {
  /** Its name in messages. */
  readonly name: string;
  /** Whether somebody reads the output while it is written, so that it can't be taken back. */
  readonly isStream?: boolean;
  /** How many layers are worth writing at the same time. */
  readonly parallel: number;
  /** Begins what takes a while and needs no image, such as to ask what is there. What fails of it fails when the sink is opened. */
  begin?(signal: AbortSignal | undefined): void;
  open(options: OpenOptions): Promise<ImageWriter>;
  /** Writes an index over images that were written here by their digests; absent where there can't be one. */
  writeIndex?(index: RawDocument<ImageIndex>, options: IndexOptions): Promise<Descriptor>;
}

/** A layer as a sink stored it. */
export interface StoredLayer {
  /** What the manifest says of it. */
  readonly descriptor: Descriptor;
  readonly outcome: LayerOutcome;
}

/** What a sink needs besides the layers, once they are all stored. */
export interface FinishedImage {
  readonly config: RawDocument<ImageConfig>;
  readonly manifest: RawDocument<Manifest>;
  /** The names that the image should get if the sink's place has none. */
  readonly names: readonly string[];
  /** True for an image that an index will name, and nothing else. */
  readonly untagged?: boolean;
}

/**
 * How an image appears at its place: with the end of a stream that somebody reads, by a request to a registry, or by renaming
 * a file. The step that is most likely to fail comes first.
 */
export type Naming = "stream" | "request" | "rename";

/** All ways of naming, in that order. */
export const NAMING: readonly Naming[] = ["stream", "request", "rename"];

/**
 * Writes one image. Layers come from the bottom up, at most `parallel` at the same time; then it is prepared, and then
 * committed. Nothing half-written is left when it is disposed of without that.
 */
export interface ImageWriter extends AsyncDisposable {
  readonly naming: Naming;
  /**
   * Stores a layer, reading it once, or not at all where it isn't needed; again only after a failure.
   * @throws VarveError what opening the layer throws, and what the sink's own place may fail with
   */
  layer(layer: Layer): Promise<StoredLayer>;
  /**
   * Stores a layer that isn't known yet, reading it once, again only after a failure. Absent where a layer's digest
   * has to be written before its bytes.
   * @throws VarveError what opening the layer throws, and what the sink's own place may fail with
   */
  unmeasuredLayer?(layer: UnmeasuredLayer): Promise<StoredLayer>;
  /**
   * Begins to store the config, while layers are still on their way. What fails of it fails when the image is prepared.
   * Absent where a config has no place before its layers are there.
   */
  config?(config: RawDocument<ImageConfig>): void;
  /**
   * Stores the config and whatever else can be stored before the image is there by name.
   * @returns the descriptor of what will be named
   * @throws VarveError what the sink's own place may fail with
   */
  prepare(image: FinishedImage): Promise<Descriptor>;
  /**
   * Names what was prepared: from then on the image is there.
   * @throws VarveError what the sink's own place may fail with; then the image isn't there
   */
  commit(): Promise<void>;
}
