/** glibc's `/etc/ld.so.cache`: `sysdeps/generic/dl-cache.h`, "struct cache_file_new". */
import { textAt } from "../elf/index.ts";

const MAGIC = "glibc-ld.so.cache1.1";
const HEADER_LENGTH = 48;
const ENTRY_LENGTH = 24;

/** The cache's names and paths as lines, a tab between them; empty for a form that isn't known. */
export function cacheText(bytes: Buffer): string {
  // In an older form it comes after a table for programs that are older still.
  const start = bytes.indexOf(MAGIC, 0, "latin1");
  if (start === -1 || start + HEADER_LENGTH > bytes.length) return "";
  const isBigEndian = bytes[start + 28] === 3;
  const word = (at: number) => (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  const count = word(start + 20);
  const lines: string[] = [];
  for (let n = 0; n < count; n++) {
    const at = start + HEADER_LENGTH + n * ENTRY_LENGTH;
    if (at + ENTRY_LENGTH > bytes.length) break;
    // What is only for some processors is there for all of them, too.
    const isForSome = word(at + 16) !== 0 || word(at + 20) !== 0;
    if (isForSome) continue;
    const name = textAt(bytes, start + word(at + 4));
    const path = textAt(bytes, start + word(at + 8));
    if (name !== undefined && path !== undefined) lines.push(`${name}\t${path}`);
  }
  return lines.join("\n");
}
