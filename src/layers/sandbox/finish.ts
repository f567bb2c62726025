/** What happens to a layer's entries once the scripts are done: rules for permissions are applied, and more members follow. */
import { type Ownership, type PermissionRule, permissionsOf } from "#fs";
import { EntryType, type TarEntry, type TarInputMember } from "#tar";
import { parentOf } from "#util";
import { membersOf, plainName } from "./input.ts";
import { isWhiteoutName } from "./layer.ts";

export interface FinishOptions {
  readonly owner: Ownership;
  readonly permissions: readonly PermissionRule[];
  /** Rules that match something are removed from this set. */
  readonly unmatched: Set<PermissionRule>;
  /** A plain tar archive, see `ScriptOptions`. */
  readonly after: AsyncIterable<Uint8Array> | undefined;
}

/** The members of the finished layer. What the scripts left takes precedence over the members that follow it. */
export async function* finished(
  members: AsyncIterable<TarInputMember>,
  { after, ...options }: FinishOptions,
): AsyncGenerator<TarInputMember, void, void> {
  const permitted = permissionsFor(options);
  /** The names in the layer so far, and whether each is a directory. */
  const there = new Map<string, boolean>();
  for await (const { entry, ...content } of members) {
    if (after !== undefined) there.set(plainName(entry.name), entry.type === EntryType.directory);
    yield { entry: permitted(entry), ...content };
  }
  if (after === undefined) return;
  for await (const { entry, content } of membersOf(after, "what the layer has besides")) {
    const name = plainName(entry.name);
    if (!there.has(name) && !isBelowFile(name, there)) yield { entry: { ...entry, name }, content };
  }
}

/** Whether a name has a file or a link above it. */
function isBelowFile(name: string, directories: ReadonlyMap<string, boolean>): boolean {
  for (let above = parentOf(name); above !== ""; above = parentOf(above)) {
    if (directories.get(above) === false) return true;
  }
  return false;
}

function permissionsFor({
  owner,
  permissions,
  unmatched,
}: Omit<FinishOptions, "after">): (entry: TarEntry) => TarEntry {
  const permitted = permissionsOf({ owner, permissions });
  if (permitted === undefined) return (entry) => entry;
  /** Files that the rules changed; their hard links must get the same attributes. */
  const changed = new Map<string, TarEntry>();
  return (entry) => {
    const { name, type, linkname = "" } = entry;
    if (isWhiteoutName(name)) return entry;
    if (type === EntryType.hardLink) {
      const file = changed.get(linkname);
      if (file === undefined) return entry;
      const { mode, uid, gid, uname = "", gname = "", mtime } = file;
      return { ...entry, mode, uid, gid, uname, gname, mtime };
    }
    const path = `/${plainName(name)}`;
    for (const rule of unmatched) if (rule.path.test(path)) unmatched.delete(rule);
    const made = { ...permitted({ ...entry, name: path }), name };
    if (type === EntryType.file) changed.set(name, made);
    return made;
  };
}
