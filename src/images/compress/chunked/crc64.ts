/** CRC-64 of ISO 3309, in halves of 32 bits: numbers of 64 bits are slow in JavaScript. */

/** The polynomial's upper half, its bits in reverse; the lower one is 0. */
const POLYNOMIAL = 0xd8000000;

/** Made when the first sum is, since every command loads this. */
let tables: readonly [Uint32Array, Uint32Array] | undefined;

function makeTables(): readonly [Uint32Array, Uint32Array] {
  const [highs, lows] = [new Uint32Array(256), new Uint32Array(256)];
  for (let byte = 0; byte < 256; byte++) {
    let [high, low] = [0, byte];
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1;
      low = (low >>> 1) | ((high & 1) << 31);
      high >>>= 1;
      if (odd === 1) high ^= POLYNOMIAL;
    }
    highs[byte] = high;
    lows[byte] = low;
  }
  return [highs, lows];
}

/** Sums bytes as they come. */
export class Crc64 {
  #high = 0xffffffff;
  #low = 0xffffffff;

  update(bytes: Uint8Array): void {
    tables ??= makeTables();
    const [highs, lows] = tables;
    let [high, low] = [this.#high, this.#low];
    for (let at = 0; at < bytes.length; at++) {
      const index = (low ^ bytes[at]!) & 0xff;
      low = (((low >>> 8) | (high << 24)) ^ lows[index]!) >>> 0;
      high = ((high >>> 8) ^ highs[index]!) >>> 0;
    }
    this.#high = high;
    this.#low = low;
  }

  /** The eight bytes of the sum, the highest first. */
  digest(): Buffer {
    const sum = Buffer.alloc(8);
    sum.writeUInt32BE(~this.#high >>> 0, 0);
    sum.writeUInt32BE(~this.#low >>> 0, 4);
    return sum;
  }
}
