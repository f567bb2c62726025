/** The kinds of tar entries by their type flag: POSIX.1-2017 pax, "ustar Interchange Format", typeflag. */
export const EntryType = {
  file: "0",
  hardLink: "1",
  symlink: "2",
  characterDevice: "3",
  blockDevice: "4",
  directory: "5",
  fifo: "6",
  contiguous: "7",
} as const;

/**
 * One entry of a tar archive, without its content. Names are as `util/names` holds them, so that bytes which
 * aren't UTF-8 are kept.
 */
export interface TarEntry {
  /** Without the slash that a directory's name ends with in the archive. */
  readonly name: string;
  /** One of {@link EntryType}, or another flag as an archive has it. */
  readonly type: string;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Content bytes that follow the header. */
  readonly size: number;
  /** Seconds since 1970; only what was read from a pax record may have a fraction. */
  readonly mtime: number;
  readonly linkname?: string;
  readonly uname?: string;
  readonly gname?: string;
  readonly devmajor?: number;
  readonly devminor?: number;
  /** Pax records as they stand in an archive; they take precedence over the fields, except for `size`. */
  readonly pax?: ReadonlyMap<string, string>;
}

/** Whether content follows the entry's header: for files, and for flags that nobody knows, which count as files. */
export function hasContent(type: string): boolean {
  return !"123456".includes(type);
}

export const BLOCK_SIZE = 512;

/** How many zero bytes fill up the last block of `size` bytes. */
export function padding(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE;
}
