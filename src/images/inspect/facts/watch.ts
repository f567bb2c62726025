/** Learns of a file while its bytes pass by. */
import type { ContentWatcher, TarEntry } from "#tar";
import { asBuffer } from "#util";
import { isElf, PassingElf } from "../elf/index.ts";
import type { FileFacts } from "./facts.ts";
import { foldersIn, isLoader, isNode, NodeSearch } from "./programs.ts";
import { isWantedText, textFacts } from "./texts.ts";

/** In bytes: a longer first line is no interpreter's. */
const MAX_SHEBANG = 256;

/** In bytes: a loader that is larger isn't looked through. */
const MAX_LOADER = 4 * 1024 * 1024;

/** What is done with the pieces of one file. */
interface Reading {
  piece(bytes: Buffer): void;
  finish(): FileFacts;
}

/**
 * Watches a file's content.
 * @param tell gets what was learned of it, if anything was
 */
export function watchFile(
  { name, size, mode }: Pick<TarEntry, "name" | "size" | "mode">,
  tell: (facts: FileFacts) => void,
): ContentWatcher {
  const file = { name: name.replace(/^(?:\.?\/)+/, ""), size, mode };
  let reading: Reading | undefined;
  let isDull = false;
  let start: Buffer = Buffer.alloc(0);
  return {
    piece(bytes) {
      if (isDull) return;
      let piece = asBuffer(bytes);
      if (reading === undefined) {
        // The first four bytes say what it is.
        if (start.length > 0) piece = Buffer.concat([start, piece]);
        if (piece.length < Math.min(4, size)) {
          start = Buffer.from(piece);
          return;
        }
        reading = readingOf(piece, file);
        isDull = reading === undefined;
      }
      reading?.piece(piece);
    },
    end() {
      const facts = reading?.finish() ?? {};
      for (const _ in facts) {
        tell(facts);
        return;
      }
    },
  };
}

type WatchedFile = Pick<TarEntry, "name" | "size" | "mode">;

function readingOf(start: Buffer, file: WatchedFile): Reading | undefined {
  const { name, size, mode } = file;
  const isAddon = name.endsWith(".node");
  if (isElf(start)) return elfReading(file, isAddon);
  if (isAddon) return known({ foreign: foreignFormat(start) });
  const isScript = start[0] === 0x23 && start[1] === 0x21 && (mode & 0o111) !== 0;
  const shebang = isScript ? firstLine(start) : undefined;
  const facts = shebang === undefined ? {} : { shebang };
  if (isWantedText(name, size)) return textReading(file, facts);
  return shebang === undefined ? undefined : known(facts);
}

function known(facts: FileFacts): Reading {
  return { piece() {}, finish: () => facts };
}

function elfReading({ name, size }: WatchedFile, isAddon: boolean): Reading {
  const elf = new PassingElf(size);
  const search = isNode(name) ? new NodeSearch() : undefined;
  const whole = isLoader(name) && size <= MAX_LOADER ? new Whole(size) : undefined;
  return {
    piece(bytes) {
      elf.piece(bytes);
      search?.piece(bytes);
      whole?.piece(bytes);
    },
    finish() {
      const node = search?.finish();
      const folders = whole === undefined ? [] : foldersIn(whole.bytes);
      return {
        elf: elf.finish({ isAddon }) ?? "broken",
        ...(node !== undefined && { node }),
        ...(folders.length > 0 && { folders }),
      };
    },
  };
}

function textReading({ name, size }: WatchedFile, facts: FileFacts): Reading {
  const whole = new Whole(size);
  return {
    piece: (bytes) => whole.piece(bytes),
    finish: () => ({ ...facts, ...textFacts(name, whole.bytes) }),
  };
}

/** Puts a file's pieces together; one that comes whole isn't copied. */
class Whole {
  readonly #size: number;
  readonly #pieces: Buffer[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  piece(bytes: Buffer): void {
    this.#pieces.push(bytes.length === this.#size ? bytes : Buffer.from(bytes));
  }

  get bytes(): Buffer {
    const [first] = this.#pieces;
    return this.#pieces.length === 1 ? first! : Buffer.concat(this.#pieces);
  }
}

function firstLine(start: Buffer): string | undefined {
  const line = start.toString("latin1", 2, MAX_SHEBANG);
  const end = line.indexOf("\n");
  if (end === -1 && start.length > MAX_SHEBANG) return undefined;
  return (end === -1 ? line : line.slice(0, end)).trim();
}

function foreignFormat(start: Buffer): NonNullable<FileFacts["foreign"]> {
  const magic = start.readUInt32BE(0);
  if ([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe].includes(magic)) return "Mach-O";
  return start[0] === 0x4d && start[1] === 0x5a ? "PE" : "not a program";
}
