import { type CipherGCM, createCipheriv, randomBytes } from "node:crypto";

/**
 * Shows, within one process, whether bytes are the same when they are read again. It is a message authentication code (GMAC:
 * NIST SP 800-38D) under a key that nobody knows: as hard to deceive as a cryptographic digest, and ten times as fast to
 * compute. It is useless outside the process, and must not leave it.
 */
export class Fingerprint {
  readonly #cipher: CipherGCM;

  /** @param key from {@link fingerprintKey}; only fingerprints under one key can be compared. */
  constructor(key: Uint8Array) {
    // The nonce may repeat, because what is fingerprinted is never also encrypted, and tags are never shown.
    this.#cipher = createCipheriv("aes-256-gcm", key, NONCE);
  }

  update(chunk: Uint8Array): void {
    this.#cipher.setAAD(chunk);
  }

  /** The fingerprint of all bytes, however they were cut into chunks. Nothing can be added afterwards. */
  finish(): string {
    this.#cipher.final();
    return this.#cipher.getAuthTag().toString("hex");
  }
}

const NONCE = Buffer.alloc(12);

/** A new key for {@link Fingerprint}. */
export function fingerprintKey(): Uint8Array {
  return randomBytes(32);
}
