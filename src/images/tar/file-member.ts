import { EntryType, type TarEntry } from "./entry.ts";
import type { TarInputMember } from "./write.ts";

/** A file's header as Python's `TarInfo` starts out: mode 0644, nobody's; its time is 1970 unless given. */
export function fileEntry(name: string, { size, mtime = 0 }: { size: number; mtime?: number }): TarEntry {
  return { name, type: EntryType.file, mode: 0o644, uid: 0, gid: 0, size, mtime };
}

/** A file whose content is in memory. */
export function fileMember(
  name: string,
  bytes: Uint8Array,
  { mtime = 0 }: { mtime?: number } = {},
): TarInputMember {
  return { entry: fileEntry(name, { size: bytes.length, mtime }), content: [bytes] };
}
