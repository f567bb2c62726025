import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";

const BLOCK = 4096;

/** Writes a file with a hole wherever there is a whole block of zeros, so that archivers take it for a sparse one. */
export function writeSparse(path: string, content: Buffer): void {
  const file = openSync(path, "w");
  try {
    ftruncateSync(file, content.length);
    for (let at = 0; at < content.length; at += BLOCK) {
      const block = content.subarray(at, at + BLOCK);
      if (block.some((byte) => byte !== 0)) writeSync(file, block, 0, block.length, at);
    }
  } finally {
    closeSync(file);
  }
}
