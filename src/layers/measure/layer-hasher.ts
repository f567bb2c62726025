import { createHash } from "node:crypto";

/** Hashes layers, one after the other. */
export interface LayerHasher {
  /** Memory for the next layer's chunks, to be filled in turn; undefined if any memory will do. */
  buffers(): readonly Buffer[] | undefined;
  /** Takes the next chunk; its memory may be used again when its turn comes. */
  put(chunk: Uint8Array): void;
  /** The SHA-256 of all chunks of the layer, in hexadecimal. */
  complete(): string;
  /** Forgets the layer. */
  giveUp(): void;
}

/** Hashes in the thread that packs. */
export class InlineHasher implements LayerHasher {
  #hash = createHash("sha256");

  buffers(): undefined {}

  put(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  complete(): string {
    const digest = this.#hash.digest("hex");
    this.giveUp();
    return digest;
  }

  giveUp(): void {
    this.#hash = createHash("sha256");
  }
}
