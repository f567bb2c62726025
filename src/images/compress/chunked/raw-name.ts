import { BLOCK_SIZE, EntryType, padding, type TarEntry } from "#tar";

/** Where a header has its size and its type: POSIX.1-2017, pax, "ustar Interchange Format". */
const [SIZE_AT, TYPE_AT] = [124, 156];
const LONG_NAME = "L".charCodeAt(0);
const SLASH = "/".charCodeAt(0);

/**
 * An entry's name as the archive has it: a directory's mostly ends with a slash, which entries are read without.
 * @param header the entry's header with its extended headers in front of it, and perhaps the padding of the content before it
 */
export function rawName(entry: TarEntry, header: Buffer): string {
  if (entry.type !== EntryType.directory) return entry.name;
  return endsWithSlash(entry, header) ? `${entry.name}/` : entry.name;
}

function endsWithSlash({ pax }: TarEntry, header: Buffer): boolean {
  const path = pax?.get("path");
  if (path !== undefined) return path.endsWith("/");
  const name = header.subarray(header.length - BLOCK_SIZE, header.length - BLOCK_SIZE + 100);
  return textEndsWithSlash(longName(header) ?? name);
}

/** The name in the long name's header of GNU tar, if there is one. */
function longName(header: Buffer): Buffer | undefined {
  for (let at = header.length % BLOCK_SIZE; at < header.length - BLOCK_SIZE; ) {
    const size = Number.parseInt(header.toString("latin1", at + SIZE_AT, at + SIZE_AT + 11), 8) || 0;
    const content = at + BLOCK_SIZE;
    if (header[at + TYPE_AT] === LONG_NAME) return header.subarray(content, content + size);
    at = content + size + padding(size);
  }
  return undefined;
}

function textEndsWithSlash(field: Buffer): boolean {
  const end = field.indexOf(0);
  return field[(end === -1 ? field.length : end) - 1] === SLASH;
}
