/**
 * Who owns what where files can belong to one user only. fakeroot's daemon (`faked`) keeps it while a script runs: it is told
 * before, and says afterwards, in a file with a line for each inode. It is told no more than what the files can't be
 * themselves, since programs that fakeroot doesn't reach see the files as they are.
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
/** The bits of a mode that tell a file's type, by `find`'s letters. */
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

/** What an archive says of a file, and the file itself can't be. */
interface Noted extends Ids {
  readonly mode: number;
  readonly device?: { readonly type: "c" | "b"; readonly number: bigint } | undefined;
}

/** What faked says of an inode. */
interface Kept extends Ids {
  /** With the bits for its type. */
  readonly mode: number;
  readonly device: bigint;
}

/** The program that works without a network, where a machine has several. */
export async function fakerootProgram(path: string): Promise<string | undefined> {
  for (const name of ["fakeroot-sysv", "fakeroot"]) {
    if ((await findProgram(name, path)) !== undefined) return name;
  }
  return undefined;
}

export interface FakedOptions {
  /** See {@link fakerootProgram}. */
  readonly program: string;
  /** What the sandbox has at `/state`. */
  readonly folder: string;
  /** Whether this machine has programs for capabilities. */
  readonly capable: boolean;
  /** Who owns what nothing is noted of. */
  readonly otherwise: Ids;
}

export class FakedOwners {
  /** What goes before a program that has to see these owners. */
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
   * Takes note of an archive's entry.
   * @returns the entry as it can be unpacked here
   */
  note(entry: TarEntry, onNote: (sentence: string) => void): TarEntry {
    const { type, uid, gid, mode } = entry;
    const name = plainName(entry.name);
    // What is unpacked later takes the place of what was.
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
      // Names are lines where they are told.
      const tellable = key === CAPABILITY && this.#capable && !name.includes("\n");
      const text = tellable ? decodeCapabilities(value) : undefined;
      if (text !== undefined) this.#capabilities.set(name, text);
      else onNote(`/${name} loses its extended attribute ${key.slice(13)} if a script changes it`);
    }
  }

  /** Tells faked of the names of a folder. */
  async tell(listed: readonly ListedName[]): Promise<void> {
    this.#kept = new Map();
    const capabilities = new Map<string, string>();
    const noted = listed.filter(({ name }) => this.#noted.has(name));
    const others = listed.filter(({ name }) => !this.#noted.has(name));
    // Of a file's names something was noted of the first only.
    for (const one of [...noted, ...others]) {
      const { uid, gid, mode, device } = this.#noted.get(one.name) ?? { ...this.#otherwise, ...UNNOTED };
      const text = this.#capabilities.get(one.name);
      if (text !== undefined && one.type === "f") capabilities.set(one.name, text);
      const key = keyOf(one);
      // A script without root's view may have set it meanwhile.
      const setId = one.mode === (mode & ~SET_ID) ? mode & SET_ID : 0;
      // What it is told capabilities of, faked knows.
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
   * Learns what a script did.
   * @throws VarveError `SCRIPT_FAILED` if faked can't say
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
      // Older programs write a sign between the two.
      if (name !== undefined && words !== undefined)
        this.#capabilities.set(name, words.replace(/^ = /, " ").trim());
    }
    await rm(this.#path("getcap"));
    await this.#tellCapabilities();
  }

  /** Names as programs see them that fakeroot reaches. What tells whether they were changed has owners and capabilities in it. */
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
    // A device is kept for a file. Else it is another file with the number of one that is gone.
    const type = letterOf(kept.mode);
    return type === one.type || (one.type === "f" && (type === "c" || type === "b")) ? kept : undefined;
  }

  /**
   * Whoever asks fakeroot for a mode asks the file, too, for nearly the same; so a mode of which faked doesn't know shows.
   * @throws VarveError `SCRIPT_FAILED` for a file whose mode a program set that fakeroot doesn't reach
   */
  check(listed: readonly ListedName[]): void {
    for (const one of listed) {
      const mode = this.#keptOf(one)?.mode ?? SET_ID;
      const known = letterOf(mode) === one.type && (one.type === "f" || one.type === "d");
      // Nix's sandbox refuses those; and fakeroot leaves the owner what root could do without.
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
  // As the C library packs the two into one.
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

/** Words that mean the same are the same then. */
function asAttribute(text: string): string {
  try {
    return encodeCapabilities(text);
  } catch {
    return text;
  }
}
