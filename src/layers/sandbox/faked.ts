/**
 * Keeps the owners of files where all files can belong to one user only. While a script runs, fakeroot's daemon (`faked`)
 * keeps them: it reads them from a file before and writes them to a file afterwards, with a line for each inode. The file has
 * only what the files themselves can't show, since programs that fakeroot doesn't reach see the files as they are.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VarveError } from "#errors";
import { decodeCapabilities, encodeCapabilities } from "#root";
import { EntryType, type TarEntry } from "#tar";
import { decodeName, encodeName } from "#util";
import { imageXattrs, plainName } from "./input.ts";
import type { ListedName } from "./listing.ts";
import { findProgram } from "./programs.ts";

const SET_ID = 0o6000;
const CAPABILITY = "SCHILY.xattr.security.capability";
/** The bits of a mode that stand for a file's type, by `find`'s letters. */
const TYPES: Readonly<Record<string, number>> = {
  f: 0o100000,
  d: 0o040000,
  l: 0o120000,
  c: 0o020000,
  b: 0o060000,
  p: 0o010000,
  s: 0o140000,
};
const TYPE_BITS = 0o170000;
const UNNOTED = { mode: 0, device: undefined };

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** What an archive says about a file, and the unpacked file can't have. */
interface Noted extends Ids {
  readonly mode: number;
  readonly device?: { readonly type: "c" | "b"; readonly number: bigint } | undefined;
}

/** What faked knows about an inode. */
interface Kept extends Ids {
  /** With the bits for its type. */
  readonly mode: number;
  readonly device: bigint;
}

/** The fakeroot program of this machine; if it has several, the one that works without a network. */
export async function fakerootProgram(path: string): Promise<string | undefined> {
  for (const name of ["fakeroot-sysv", "fakeroot"]) {
    if ((await findProgram(name, path)) !== undefined) return name;
  }
  return undefined;
}

export interface FakedOptions {
  /** See {@link fakerootProgram}. */
  readonly program: string;
  /** The folder that the sandbox has at `/state`. */
  readonly folder: string;
  /** Whether this machine has the programs that read and set capabilities. */
  readonly capable: boolean;
  /** The owner of all files about which nothing is noted. */
  readonly otherwise: Ids;
}

export class FakedOwners {
  /** The words that start a program so that it sees these owners. */
  readonly command: string;
  readonly #folder: string;
  readonly #capable: boolean;
  readonly #otherwise: Ids;
  readonly #noted = new Map<string, Noted>();
  /** By device and inode. */
  #kept = new Map<string, Kept>();
  /** Names, and their capabilities as `setcap` takes them. */
  #capabilities = new Map<string, string>();

  constructor({ program, folder, capable, otherwise }: FakedOptions) {
    this.command = `${program} -i /state/owners -s /state/owners --`;
    this.#folder = folder;
    this.#capable = capable;
    this.#otherwise = otherwise;
  }

  /**
   * Notes what an archive's entry says about its file.
   * @returns the entry in the form in which it can be unpacked here
   */
  note(entry: TarEntry, onNote: (sentence: string) => void): TarEntry {
    const { type, uid, gid, mode } = entry;
    const name = plainName(entry.name);
    // An entry that is unpacked later replaces an earlier one of the same name.
    this.#noted.delete(name);
    this.#capabilities.delete(name);
    if (type === EntryType.hardLink) return { ...entry, uid: 0, gid: 0, mode: mode & ~SET_ID };
    const device = deviceOf(entry);
    const usual = uid === this.#otherwise.uid && gid === this.#otherwise.gid && (mode & SET_ID) === 0;
    if (!usual || device !== undefined) this.#noted.set(name, { uid, gid, mode, device });
    this.#noteAttributes(entry, name, onNote);
    const { pax: _, devmajor: _major, devminor: _minor, ...rest } = entry;
    const plain = { ...rest, uid: 0, gid: 0, uname: "", gname: "", mode: mode & ~SET_ID };
    return device === undefined ? plain : { ...plain, type: EntryType.file, size: 0 };
  }

  #noteAttributes(entry: TarEntry, name: string, onNote: (sentence: string) => void): void {
    for (const [key, value] of imageXattrs(entry)) {
      // Names are passed on as lines, so a name with a line break can't be.
      const tellable = key === CAPABILITY && this.#capable && !name.includes("\n");
      const text = tellable ? decodeCapabilities(value) : undefined;
      if (text !== undefined) this.#capabilities.set(name, text);
      else onNote(`/${name} loses its extended attribute ${key.slice(13)} if a script changes it`);
    }
  }

  /** Tells faked about the files of a folder. */
  async tell(listed: readonly ListedName[]): Promise<void> {
    this.#kept = new Map();
    const capabilities = new Map<string, string>();
    const noted = listed.filter(({ name }) => this.#noted.has(name));
    const others = listed.filter(({ name }) => !this.#noted.has(name));
    // If a file has several names, only its first name has a note; so those with a note come first.
    for (const one of [...noted, ...others]) {
      const { uid, gid, mode, device } = this.#noted.get(one.name) ?? { ...this.#otherwise, ...UNNOTED };
      const text = this.#capabilities.get(one.name);
      if (text !== undefined && one.type === "f") capabilities.set(one.name, text);
      const key = keyOf(one);
      // The mode is no longer the noted one if a script without root's view has set it meanwhile.
      const setId = one.mode === (mode & ~SET_ID) ? mode & SET_ID : 0;
      // A file with capabilities must be known to faked, too.
      const plain = uid === 0 && gid === 0 && setId === 0 && device === undefined && text === undefined;
      if (plain || this.#kept.has(key)) continue;
      const kind = TYPES[device?.type ?? one.type] ?? 0;
      this.#kept.set(key, { uid, gid, mode: kind | one.mode | setId, device: device?.number ?? 0n });
    }
    this.#capabilities = capabilities;
    const lines = [...this.#kept].map(([key, { uid, gid, mode, device }]) => {
      const [disk, inode] = key.split(":") as [string, string];
      const where = `dev=${BigInt(disk).toString(16)},ino=${inode},mode=${mode.toString(8)}`;
      return `${where},uid=${uid},gid=${gid},nlink=1,rdev=${device}\n`;
    });
    await writeFile(this.#path("owners"), lines.join(""));
    await this.#tellCapabilities();
  }

  async #tellCapabilities(): Promise<void> {
    const lines = [...this.#capabilities].map(([name, text]) => `${text}\n./${name}\n`);
    await writeFile(this.#path("capabilities"), encodeName(lines.join("")));
  }

  /**
   * Learns from faked what a script changed.
   * @throws VarveError `SCRIPT_FAILED` if faked has written nothing
   */
  async learn(script: string): Promise<void> {
    const text = await readFile(this.#path("owners"), "latin1").catch((cause: unknown) => {
      throw new VarveError(
        "SCRIPT_FAILED",
        `${script} stopped the daemon of fakeroot, which knew who owns the files; let it end only its own processes`,
        { cause },
      );
    });
    this.#kept = keptOf(text);
    if (!this.#capable) return;
    const said = await readFile(this.#path("getcap")).catch(() => undefined);
    if (said === undefined) return;
    this.#capabilities = new Map();
    for (const line of decodeName(said).split("\n")) {
      const [, name, words] = /^\.\/(.*?)((?: [a-z0-9_,]*[=+-][-+=eip]*)+)$/.exec(line) ?? [];
      // Older versions of getcap write an equals sign between the name and the capabilities.
      if (name !== undefined && words !== undefined)
        this.#capabilities.set(name, words.replace(/^ = /, " ").trim());
    }
    await rm(this.#path("getcap"));
    await this.#tellCapabilities();
  }

  /** The files as programs see them that fakeroot reaches. Owners and capabilities become a part of `changed`. */
  seen(listed: readonly ListedName[]): ListedName[] {
    return listed.map((one) => {
      const kept = this.#keptOf(one);
      const capabilities = this.#capabilities.get(one.name);
      const more = [
        kept && `${kept.uid}:${kept.gid} ${kept.mode} ${kept.device}`,
        capabilities && asAttribute(capabilities),
      ];
      return {
        ...one,
        type: kept === undefined ? one.type : letterOf(kept.mode),
        changed: [one.changed, ...more.map((part) => part ?? "")].join(" "),
      };
    });
  }

  #keptOf(one: ListedName): Kept | undefined {
    const kept = this.#kept.get(keyOf(one));
    if (kept === undefined) return undefined;
    // What stands for a device is a plain file. If the types differ otherwise, this is another file that has got the inode
    // number of one that is gone.
    const type = letterOf(kept.mode);
    return type === one.type || (one.type === "f" && (type === "c" || type === "b")) ? kept : undefined;
  }

  /**
   * Checks that faked knows every mode that was set. When a program sets a mode through fakeroot, the file itself gets nearly
   * the same one, so a difference shows a mode that was set without fakeroot.
   * @throws VarveError `SCRIPT_FAILED` for a file whose mode a program set that fakeroot doesn't reach
   */
  check(listed: readonly ListedName[]): void {
    for (const one of listed) {
      const mode = this.#keptOf(one)?.mode ?? SET_ID;
      const known = letterOf(mode) === one.type && (one.type === "f" || one.type === "d");
      // Set-ID bits aren't compared, since Nix's sandbox refuses them; nor are the owner's own bits, which fakeroot leaves
      // set where root wouldn't need them.
      const bits = one.type === "d" ? 0o077 : 0o177;
      if (!known || (mode & SET_ID) !== 0 || (mode & bits) === (one.mode & bits)) continue;
      throw new VarveError(
        "SCRIPT_FAILED",
        `a program that fakeroot doesn't reach set the mode of /${one.name}, which would be lost; ` +
          "use one that is dynamically linked, or build as root or with a range of ids",
      );
    }
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

const keyOf = ({ device, inode }: ListedName) => `${device}:${inode}`;

function letterOf(mode: number): string {
  const letter = Object.entries(TYPES).find(([, bits]) => bits === (mode & TYPE_BITS))?.[0];
  return letter ?? "f";
}

function deviceOf({ type, devmajor = 0, devminor = 0 }: TarEntry): Noted["device"] {
  const [major, minor] = [BigInt(devmajor), BigInt(devminor)];
  // The same way as the C library packs the two numbers into one.
  const number =
    ((major & 0xffff_f000n) << 32n) |
    ((major & 0xfffn) << 8n) |
    ((minor & 0xffff_ff00n) << 12n) |
    (minor & 0xffn);
  if (type === EntryType.characterDevice) return { type: "c", number };
  return type === EntryType.blockDevice ? { type: "b", number } : undefined;
}

function keptOf(text: string): Map<string, Kept> {
  const line = /^dev=([0-9a-f]+),ino=(\d+),mode=([0-7]+),uid=(\d+),gid=(\d+),nlink=\d+,rdev=(\d+)$/gm;
  const kept = [...text.matchAll(line)].map(([, disk, inode, mode, uid, gid, device]) => {
    const said = {
      mode: Number.parseInt(mode!, 8),
      uid: Number(uid),
      gid: Number(gid),
      device: BigInt(device!),
    };
    return [`${BigInt(`0x${disk}`)}:${inode}`, said] as const;
  });
  return new Map(kept);
}

/** Capabilities in their binary form, so that two texts that mean the same compare as equal. */
function asAttribute(text: string): string {
  try {
    return encodeCapabilities(text);
  } catch {
    return text;
  }
}
