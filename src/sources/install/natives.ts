/** Programs and libraries in packages' folders, and what they are made for. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { readError } from "#errors";
import { fsPath } from "#util";

/** A file of machine code. */
export interface Native {
  /** Relative to the folder that was looked through. */
  readonly path: string;
  readonly size: number;
  /** In Node's words; undefined for what Node has no name for. */
  readonly os: "linux" | "darwin" | "win32";
  readonly cpu: string | undefined;
}

/** The ELF machines that Node runs on: gABI, "e_machine". */
const MACHINES: Readonly<Record<number, string>> = {
  3: "ia32",
  8: "mipsel",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x64",
  183: "arm64",
  243: "riscv64",
  258: "loong64",
};

/** Object files, which nothing loads. */
const RELOCATABLE = 1;

/** What such files are never called. */
const TEXT =
  /\.(?:[cm]?[jt]sx?|json|map|md|markdown|txt|html?|css|ya?ml|[ch](?:pp|c|h)?|gypi?|license|snap)$/i;

/**
 * What of a folder is machine code, in no order.
 * @param exclude paths in it that aren't looked at, as {@link Component.nested} has them
 * @throws VarveError `UNREADABLE`
 */
export function nativesIn(folder: string, exclude: readonly string[] = []): Native[] {
  const left = new Set(exclude);
  const found: Native[] = [];
  const visit = (below: string): void => {
    for (const entry of readdirSync(fsPath(`${folder}/${below}`), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (left.has(path)) continue;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && !TEXT.test(entry.name)) {
        const native = nativeAt(`${folder}/${path}`);
        if (native !== undefined) found.push({ path, ...native });
      }
    }
  };
  try {
    visit("");
  } catch (error) {
    throw readError(folder, error);
  }
  return found;
}

const header = Buffer.alloc(20);

function nativeAt(path: string): Omit<Native, "path"> | undefined {
  const file = openSync(fsPath(path), "r");
  try {
    header.fill(0);
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  const machine = machineOf(header);
  return machine && { ...machine, size: statSync(fsPath(path)).size };
}

/** What the first 20 bytes of a file say; undefined for what isn't machine code that can be loaded. */
export function machineOf(bytes: Buffer): Pick<Native, "os" | "cpu"> | undefined {
  const magic = bytes.readUInt32BE(0);
  if (magic === 0x7f454c46) {
    const isBig = bytes[5] === 2;
    const [type, machine] = [16, 18].map((at) => (isBig ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at)));
    return type === RELOCATABLE ? undefined : { os: "linux", cpu: MACHINES[machine!] };
  }
  // A universal file of several machines begins as Java's classes do, which have a version instead of a small count.
  if (magic === 0xcafebabe && bytes.readUInt32BE(4) < 20) return { os: "darwin", cpu: undefined };
  if (magic === 0xcffaedfe) {
    const type = bytes.readUInt32LE(4);
    return { os: "darwin", cpu: type === 0x0100_000c ? "arm64" : type === 0x0100_0007 ? "x64" : undefined };
  }
  return bytes[0] === 0x4d && bytes[1] === 0x5a ? { os: "win32", cpu: undefined } : undefined;
}
