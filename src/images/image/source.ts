import type { Descriptor, Digest, Platform } from "#oci";
import type { Image } from "./image.ts";

/** Keeps configs and manifests by their digests, from run to run. What it gives is checked. */
export interface KeptDocuments {
  get(digest: Digest): Uint8Array | undefined;
  put(digest: Digest, bytes: Uint8Array): void;
}

/** Which image of several is read. */
export interface ReadOptions {
  /** Which image of several; by default `linux` on this machine's architecture. */
  readonly platform: Platform;
  /** Whether the user asked for the platform, so that an image for another one is an error. */
  readonly strict?: boolean;
  /** Has what needn't be fetched again. Without it the image is seen to be where it is said to be, whole. */
  readonly documents?: KeptDocuments | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where an image is read from. It must stay open until the image's layers have been read. */
export interface ImageSource extends AsyncDisposable {
  /** Its name in messages. */
  readonly name: string;
  /**
   * The image for the platform. Its manifest and config have been checked; its layers are read when they are opened.
   * @throws VarveError `IMAGE_NOT_FOUND`, naming what there is; `INVALID_IMAGE`, `INVALID_MANIFEST`, …
   */
  read(options: ReadOptions): Promise<Image>;
  /**
   * What an entry of the read image's index leads to: another image, or an attestation in the form of one. Absent where there
   * are no indexes.
   * @throws VarveError as reading an image does
   */
  readEntry?(entry: Descriptor, signal: AbortSignal | undefined): Promise<Image>;
}
