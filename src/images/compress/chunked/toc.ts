/** The table of contents of a layer in zstd:chunked: what is in it, and where the content of each file is. */
import { EntryType, type TarEntry } from "#tar";
import { encodeName } from "#util";

const TYPES: Readonly<Record<string, string>> = {
  "\0": "reg",
  [EntryType.file]: "reg",
  [EntryType.hardLink]: "hardlink",
  [EntryType.symlink]: "symlink",
  [EntryType.characterDevice]: "char",
  [EntryType.blockDevice]: "block",
  [EntryType.directory]: "dir",
  [EntryType.fifo]: "fifo",
};

const XATTR = "SCHILY.xattr.";

/** What the table says of an entry besides where its content is. */
export type TocEntry = Readonly<Record<string, unknown>>;

/**
 * An entry in the table; undefined for one that the table has no words for.
 * @param name as the archive has it, with the slash at a directory's end
 */
export function tocEntry(entry: TarEntry, name: string): TocEntry | undefined {
  const type = TYPES[entry.type];
  const { linkname = "", pax = new Map<string, string>() } = entry;
  const isSparse = [...pax.keys()].some((key) => key.startsWith("GNU.sparse."));
  if (type === undefined || isSparse || !name.isWellFormed() || !linkname.isWellFormed()) return undefined;
  const attributes = [...pax].filter(([key]) => key.startsWith(XATTR));
  if (attributes.some(([key]) => !key.isWellFormed())) return undefined;
  const isDevice = type === "char" || type === "block";
  const xattrs = attributes.map(([key, value]) => [
    key.slice(XATTR.length),
    encodeName(value).toString("base64"),
  ]);
  const [accessed, changed] = [timeOf(pax.get("atime")), timeOf(pax.get("ctime"))];
  return {
    type,
    name,
    ...(linkname !== "" && { linkName: linkname }),
    ...(entry.mode !== 0 && { mode: entry.mode }),
    ...(type === "reg" && entry.size > 0 && { size: entry.size }),
    ...(entry.uid !== 0 && { uid: entry.uid }),
    ...(entry.gid !== 0 && { gid: entry.gid }),
    modtime: timeOf(pax.get("mtime") ?? String(entry.mtime)),
    ...(accessed !== undefined && { accesstime: accessed }),
    ...(changed !== undefined && { changetime: changed }),
    ...(isDevice && { devMajor: entry.devmajor ?? 0, devMinor: entry.devminor ?? 0 }),
    ...(xattrs.length > 0 && { xattrs: Object.fromEntries(xattrs) }),
  };
}

/** A time in seconds, such as `1.5`, by RFC 3339, to the nanosecond as archives may have it. */
function timeOf(seconds: string | undefined): string | undefined {
  const [, sign, whole, fraction = ""] = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(seconds ?? "") ?? [];
  if (whole === undefined) return undefined;
  const nanoseconds = fraction.slice(0, 9).padEnd(9, "0");
  const before = sign === "-" ? -BigInt(whole) * 10n ** 9n - BigInt(nanoseconds) : undefined;
  const total = before ?? BigInt(whole) * 10n ** 9n + BigInt(nanoseconds);
  const rest = ((total % 10n ** 9n) + 10n ** 9n) % 10n ** 9n;
  const text = new Date(Number((total - rest) / 10n ** 6n)).toISOString().slice(0, -5);
  const digits = rest.toString().padStart(9, "0").replace(/0+$/, "");
  return `${text}${digits === "" ? "" : `.${digits}`}Z`;
}
