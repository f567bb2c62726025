/** What of an ELF file decides whether it can be loaded, read from those of its bytes that are at hand. */
import { type Dynamic, readDynamic, readNeededVersions, readVersions, type TextAt } from "./dynamic.ts";
import type { Bytes, Elf, Range } from "./elf.ts";
import { type ElfHeader, Numbers, readHeader, readSegments, type Segment, Segments } from "./header.ts";
import { MAX_TEXT, textAt } from "./text.ts";

/** Reads an ELF file; undefined for one that is broken: cut short, or with a header that makes no sense. */
export function readElf(
  bytes: Bytes,
  { size, isAddon = false }: { readonly size: number; readonly isAddon?: boolean },
): Elf | undefined {
  const header = readHeader(bytes);
  if (header === undefined || header.programHeaders.end > size) return undefined;
  const { bits, isBigEndian, machine, type } = header;
  const about = { bits, isBigEndian, machine, type };
  const nothing = { needed: [], neededVersions: [], versions: [] };
  const segments = readSegments(bytes, header);
  if (segments === undefined) return { ...about, ...nothing, isUnsure: true };
  if (type !== "other" && segments.some(({ type, end }) => type === Segments.load && end > size))
    return undefined;
  const interpreter = interpreterOf(bytes, segments);
  const start = { ...about, ...(interpreter !== undefined && { interpreter }) };
  const dynamic = type === "other" ? "none" : readDynamic(bytes, { header, segments });
  if (dynamic === "none") return { ...start, ...nothing };
  const led = dynamic && follow(bytes, { header, dynamic, isAddon });
  return led === undefined ? { ...start, ...nothing, isUnsure: true } : { ...start, ...led };
}

/** The bytes that have to be at hand, as far as is known; those that are known later follow from these. */
export function wantedRanges(bytes: Bytes): Range[] {
  const header = readHeader(bytes);
  if (header === undefined) return [];
  const segments = readSegments(bytes, header);
  if (segments === undefined) return [header.programHeaders];
  const wanted: Range[] = segments.filter(({ type }) => type === Segments.interpreter);
  const dynamic = readDynamic(bytes, { header, segments });
  if (dynamic === undefined) wanted.push(...segments.filter(({ type }) => type === Segments.dynamic));
  else if (dynamic !== "none") {
    const { strings, neededVersions, versions } = dynamic;
    wanted.push(...[strings, neededVersions, versions].filter((range) => range !== undefined));
  }
  return wanted;
}

/** Where the segment ends that begins with the file; undefined if that isn't known. */
export function readFront(bytes: Bytes): number | undefined {
  const header = readHeader(bytes);
  const segments = header && readSegments(bytes, header);
  return segments?.find(({ type, start }) => type === Segments.load && start === 0)?.end;
}

function interpreterOf(bytes: Bytes, segments: readonly Segment[]): string | undefined {
  const segment = segments.find(({ type }) => type === Segments.interpreter);
  if (segment === undefined || segment.end - segment.start > MAX_TEXT) return undefined;
  return untilNul(bytes.get(segment)?.toString("latin1"));
}

type Led = Omit<Elf, "bits" | "isBigEndian" | "machine" | "type" | "interpreter">;

/** What the dynamic section leads to; undefined if that isn't at hand. */
function follow(
  bytes: Bytes,
  { header, dynamic, isAddon }: { header: ElfHeader; dynamic: Dynamic; isAddon: boolean },
): Led | undefined {
  const strings = dynamic.strings && bytes.get(dynamic.strings);
  const names = [...dynamic.needed, dynamic.soname, dynamic.rpath, dynamic.runpath];
  if (strings === undefined) {
    const isPlain = names.every((name) => name === undefined);
    return isPlain ? { needed: [], neededVersions: [], versions: [] } : undefined;
  }
  const text: TextAt = (offset) => textAt(strings, offset);
  const numbers = new Numbers(header);
  const needed = dynamic.needed.map(text);
  const own = dynamic.versions && bytes.get(dynamic.versions);
  const others = dynamic.neededVersions && bytes.get(dynamic.neededVersions);
  const isWhole =
    (dynamic.versions === undefined) === (own === undefined) &&
    (dynamic.neededVersions === undefined) === (others === undefined);
  if (!isWhole || needed.includes(undefined)) return undefined;
  const soname = optional(dynamic.soname, text);
  const rpath = optional(dynamic.rpath, text);
  const runpath = optional(dynamic.runpath, text);
  return {
    needed: needed as string[],
    ...(soname !== undefined && { soname }),
    ...(rpath !== undefined && { rpath: foldersOf(rpath) }),
    ...(runpath !== undefined && { runpath: foldersOf(runpath) }),
    neededVersions:
      others === undefined
        ? []
        : readNeededVersions(others, { count: dynamic.neededVersions!.count, numbers, text }),
    versions: own === undefined ? [] : readVersions(own, { count: dynamic.versions!.count, numbers, text }),
    ...(dynamic.noDefaultFolders && { noDefaultFolders: true }),
    ...(isAddon && addonOf(strings)),
  };
}

/** Names by which Node.js finds an addon's entry: Node.js, "Addons" and "Node-API", "Module registration". */
const NAPI_NAMES = ["napi_register_module_v1", "napi_module_register"];
const VERSIONED_NAME = "node_register_module_v";

function addonOf(strings: Buffer): Pick<Elf, "addon"> {
  if (NAPI_NAMES.some((name) => strings.includes(name))) return { addon: "napi" };
  const at = strings.indexOf(VERSIONED_NAME);
  const digits =
    at === -1 ? "" : strings.toString("latin1", at + VERSIONED_NAME.length, at + VERSIONED_NAME.length + 5);
  const [version] = /^\d+/.exec(digits) ?? [];
  return version === undefined ? {} : { addon: Number(version) };
}

function optional(offset: number | undefined, text: TextAt): string | undefined {
  return offset === undefined ? undefined : text(offset);
}

function foldersOf(path: string): string[] {
  return path.split(":").filter((folder) => folder !== "");
}

function untilNul(text: string | undefined): string | undefined {
  const end = text?.indexOf("\0") ?? -1;
  return end === -1 ? text : text!.slice(0, end);
}
