/** Makes the layer from what the sandbox's `tar` reads in the folder, in varve's own form, so that equal trees give equal bytes. */
import { VarveError } from "#errors";
import type { Ownership } from "#fs";
import { EntryType, type TarEntry, type TarInputMember } from "#tar";
import { compareNames, parentOf } from "#util";
import { imageXattrs, isOpaque, membersOf, plainName, type RootAttributes } from "./input.ts";
import { sortKey } from "./listing.ts";

export interface LayerRules {
  readonly owner: Ownership;
  /** Gives everything to the owner, except for the directories that belong to others. */
  readonly forceOwner: boolean;
  /** Directories that belong to others. */
  readonly foreign: ReadonlyMap<string, Pick<TarEntry, "uid" | "gid">>;
  readonly mtime: number;
  /** The root directory's attributes before; it is in the layer only if they have changed. */
  readonly root: RootAttributes;
  /** Whether the base has a name as a directory; undefined for a name that it doesn't have. */
  readonly inBase: (name: string) => boolean | undefined;
  /** Names that were removed from the base, besides those that the archive shows. */
  readonly removed: readonly string[];
  /** Directories that hide what the base has in them, besides those that the archive shows. */
  readonly replaced: ReadonlySet<string>;
  /** Whether files with the names of whiteouts are whiteouts, as some union file systems write them. */
  readonly namedWhiteouts: boolean;
}

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/**
 * The layer's members.
 * @param archive what `tar` writes for a folder in {@link readingOrder}
 * @throws VarveError `INVALID_TAR`; `UNSUPPORTED_FILE` for a file that has a whiteout's name
 */
export async function* layerMembers(
  archive: AsyncIterable<Uint8Array>,
  rules: LayerRules,
): AsyncGenerator<TarInputMember, void, void> {
  const waiting = new Waiting();
  for (const name of rules.removed) waiting.add(whiteout(name, rules));
  /** Devices and whiteouts by name, since in the archive the second name of one is a hard link to it. */
  const nodes = new Map<string, TarEntry | "whiteout">();
  for await (const { entry, content } of membersOf(archive, "the layer's folder")) {
    const name = plainName(entry.name);
    const node = nodeOf(entry, nodes);
    if (node !== undefined) {
      nodes.set(name, node);
      if (node !== "whiteout") waiting.add(changedEntry({ ...node, name }, rules));
      else if (rules.inBase(name) !== undefined) waiting.add(whiteout(name, rules));
      continue;
    }
    if (isWhiteoutName(name)) {
      if (rules.namedWhiteouts) {
        waiting.addOwn(name, rules);
        continue;
      }
      throw new VarveError(
        "UNSUPPORTED_FILE",
        `a script of the layer made /${name}, whose name would remove another file from the image; give it another`,
      );
    }
    yield* waiting.before(name);
    if (name === "") {
      const { mode, uid, gid } = rules.root;
      if (entry.mode !== mode || entry.uid !== uid || entry.gid !== gid) {
        yield { entry: changedEntry({ ...entry, name: "." }, rules) };
      }
      continue;
    }
    if ((isOpaque(entry) || rules.replaced.has(name)) && rules.inBase(name) === true) {
      waiting.add(marker(`${name}/${OPAQUE}`, rules));
    }
    const size = entry.type === EntryType.file || entry.type === EntryType.contiguous ? entry.size : 0;
    yield { entry: changedEntry({ ...entry, name, size }, rules), content };
  }
  yield* waiting.before(undefined);
}

/** A character device, or the removed name that it stands for; undefined for anything else. */
function nodeOf(
  entry: TarEntry,
  nodes: ReadonlyMap<string, TarEntry | "whiteout">,
): TarEntry | "whiteout" | undefined {
  if (entry.type === EntryType.hardLink) return nodes.get(plainName(entry.linkname ?? ""));
  if (entry.type !== EntryType.characterDevice) return undefined;
  return (entry.devmajor ?? 0) === 0 && (entry.devminor ?? 0) === 0 ? "whiteout" : entry;
}

/** Small entries that come in the archive before their place in the layer. */
class Waiting {
  readonly #entries = new Map<string, TarEntry>();
  /** Names, sorted only when they are needed. */
  #order: string[] = [];
  #sorted = true;

  add(entry: TarEntry): void {
    const key = sortKey(entry.name);
    if (!this.#entries.has(key)) this.#order.push(key);
    this.#entries.set(key, entry);
    this.#sorted = false;
  }

  /** A whiteout that a union file system wrote as a file of its own; it removes what the base has. */
  addOwn(name: string, rules: LayerRules): void {
    const parent = parentOf(name);
    const base = name.slice(parent === "" ? 0 : parent.length + 1);
    if (base === OPAQUE) {
      if (rules.inBase(parent) === true) this.add(marker(name, rules));
      return;
    }
    const gone = `${parent === "" ? "" : `${parent}/`}${base.slice(WHITEOUT.length)}`;
    if (rules.inBase(gone) !== undefined) this.add(marker(name, rules));
  }

  *before(name: string | undefined): Generator<TarInputMember, void, void> {
    if (!this.#sorted) {
      // The next one is at the end, where it is cheap to take.
      this.#order.sort((one, other) => compareNames(other, one));
      this.#sorted = true;
    }
    const limit = name === undefined ? undefined : sortKey(name);
    for (;;) {
      const next = this.#order.at(-1);
      if (next === undefined || (limit !== undefined && compareNames(next, limit) > 0)) return;
      this.#order.pop();
      const entry = this.#entries.get(next)!;
      this.#entries.delete(next);
      yield { entry };
    }
  }
}

/** Whether a name is that of a whiteout. */
export function isWhiteoutName(name: string): boolean {
  return name.slice(name.lastIndexOf("/") + 1).startsWith(WHITEOUT);
}

function whiteout(name: string, rules: LayerRules): TarEntry {
  const parent = parentOf(name);
  const base = name.slice(parent === "" ? 0 : parent.length + 1);
  return marker(`${parent === "" ? "" : `${parent}/`}${WHITEOUT}${base}`, rules);
}

function marker(name: string, { mtime }: LayerRules): TarEntry {
  return { name, type: EntryType.file, mode: 0, uid: 0, gid: 0, size: 0, mtime };
}

/** An entry with only those attributes that the image should have. */
function changedEntry(entry: TarEntry, { owner, forceOwner, foreign, mtime }: LayerRules): TarEntry {
  const { name, size, devmajor, devminor } = entry;
  const type = entry.type === EntryType.contiguous ? EntryType.file : entry.type;
  const { uid, gid } = forceOwner ? (foreign.get(name) ?? owner) : entry;
  const xattrs = imageXattrs(entry);
  const link = entry.linkname ?? "";
  return {
    name,
    type,
    mode: type === EntryType.symlink ? 0o777 : entry.mode & 0o7777,
    uid,
    gid,
    uname: uid === owner.uid ? owner.uname : "",
    gname: gid === owner.gid ? owner.gname : "",
    size,
    mtime,
    linkname: type === EntryType.hardLink ? plainName(link) : type === EntryType.symlink ? link : "",
    ...(devmajor === undefined ? {} : { devmajor }),
    ...(devminor === undefined ? {} : { devminor }),
    ...(xattrs.length > 0 ? { pax: new Map(xattrs) } : {}),
  };
}
