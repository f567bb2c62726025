/** The entries of the golden archives in this folder, which CPython 3.11's tarfile wrote in pax format. */
import { EntryType, type TarEntry } from "#tar";

const FILE: TarEntry = {
  name: "/nix/store/file",
  type: EntryType.file,
  mode: 0o444,
  uid: 0,
  gid: 0,
  uname: "root",
  gname: "root",
  size: 0,
  mtime: 1,
};
const file = (changes: Partial<TarEntry>): TarEntry => ({ ...FILE, ...changes });

/** What a golden archive holds, and the SHA-256 that it has had since it was made. */
export interface GoldenArchive {
  readonly sha256: string;
  /** Each file's content is its size in the letter `c`. */
  readonly entries: readonly TarEntry[];
}

export const archives: Readonly<Record<string, GoldenArchive>> = {
  "types.tar": {
    sha256: "f2d071214c0c1cf88223f680453e1a03ee869c9361909b96daf72890073aeb6d",
    entries: [
      file({ name: "/nix", type: EntryType.directory, mode: 0o755 }),
      file({ name: "/nix/store", type: EntryType.directory, mode: 0o1775 }),
      file({ size: 1 }),
      file({ name: "/nix/store/block", size: 512, mode: 0o4555 }),
      file({ name: "/nix/store/more", size: 513 }),
      file({ name: "/nix/store/link", type: EntryType.symlink, mode: 0o777, linkname: "file" }),
      file({ name: "/nix/store/hard", type: EntryType.hardLink, linkname: "/nix/store/file" }),
      file({ name: "/dev/null", type: EntryType.characterDevice, devmajor: 1, devminor: 3 }),
      file({ name: "/dev/loop", type: EntryType.blockDevice, devmajor: 4095, devminor: 1048575 }),
      file({ name: "/fifo", type: EntryType.fifo }),
    ],
  },
  "names.tar": {
    sha256: "922eeeb5ff21ec194445d64e1dce3f17d07cb43d596c6947ad99c467c04a0be3",
    entries: [
      file({ name: "n".repeat(100) }),
      file({ name: "n".repeat(101) }),
      file({ name: "d".repeat(99), type: EntryType.directory }),
      file({ name: "d".repeat(100), type: EntryType.directory }),
      file({ name: `${"p".repeat(150)}/${"q".repeat(100)}`, size: 3 }),
      file({ name: "größe 😀\n=" }),
      file({ name: "caf\udce9", linkname: "\udcff", type: EntryType.symlink }),
      file({ name: "l", linkname: "t".repeat(101), type: EntryType.symlink }),
      file({ uname: "u".repeat(32), gname: "g".repeat(33) }),
      file({ uname: "jörg", gname: "ü".repeat(40) }),
    ],
  },
  "numbers.tar": {
    sha256: "6a6aafd0fd076190a3cef09bff3770cfecd339dbc57e552d35e6f1aaf7753496",
    entries: [
      file({ uid: 0o7777777, gid: 0o7777777, mtime: 0o77777777777 }),
      file({ uid: 0o10000000, gid: 0xfffffffe, mtime: 0o100000000000 }),
      file({ uid: -1, gid: -2, mtime: -1 }),
      file({ mtime: 1.5 }),
      file({ mtime: 2.5 }),
      file({ mtime: -2.25 }),
      file({
        mtime: 1.5,
        pax: new Map([
          ["mtime", "1.50"],
          ["VENDOR.note", "größe"],
        ]),
      }),
      file({
        pax: new Map([
          ["hdrcharset", "BINARY"],
          ["path", "caf\udce9"],
        ]),
      }),
    ],
  },
};
