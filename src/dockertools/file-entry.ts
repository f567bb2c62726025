import { EntryType, type TarEntry } from "../tar/index.ts";

/** A file's header as Python's `TarInfo` starts out: mode 0644, nobody's. */
export function fileEntry(name: string, { size, mtime }: { size: number; mtime: number }): TarEntry {
  return { name, type: EntryType.file, mode: 0o644, uid: 0, gid: 0, size, mtime };
}
