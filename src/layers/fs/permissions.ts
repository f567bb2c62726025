import { EntryType, type TarEntry } from "#tar";
import type { LayerRecipe, Ownership, PermissionRule } from "./recipe.ts";

/** The attribute of file capabilities, as GNU tar, libarchive and container runtimes look for it in a pax record. */
const CAPABILITY_RECORD = "SCHILY.xattr.security.capability";

/**
 * What a recipe's rules make of an entry, which has its absolute path; undefined if it has none, which is the usual case and
 * costs nothing.
 */
export function permissionsOf({
  permissions = [],
  owner,
}: Pick<LayerRecipe, "permissions" | "owner">): ((entry: TarEntry) => TarEntry) | undefined {
  if (permissions.length === 0) return undefined;
  return (entry) => {
    const rules = permissions.filter(({ path }) => path.test(entry.name));
    return rules.length === 0 ? entry : permitted(entry, Object.assign({}, ...rules), owner);
  };
}

/** @param rule all rules that match, as one */
function permitted(entry: TarEntry, rule: Partial<PermissionRule>, owner: Ownership): TarEntry {
  const { mode, uid, gid, mtime, capabilities } = rule;
  const hasMode = mode !== undefined && entry.type !== EntryType.symlink;
  const hasCapabilities = capabilities !== undefined && entry.type === EntryType.file;
  return {
    ...entry,
    ...(hasMode && { mode }),
    ...(uid !== undefined && { uid, uname: userName(uid, owner) }),
    ...(gid !== undefined && { gid, gname: groupName(gid, owner) }),
    ...(mtime !== undefined && { mtime }),
    ...(hasCapabilities && { pax: new Map(entry.pax).set(CAPABILITY_RECORD, capabilities) }),
  };
}

/** The name of a user: only that of the recipe's owner is known. A wrong one would count more than the number for tar. */
export function userName(uid: number, owner: Ownership): string {
  return uid === owner.uid ? owner.uname : "";
}

/** The name of a group, as {@link userName}. */
export function groupName(gid: number, owner: Ownership): string {
  return gid === owner.gid ? owner.gname : "";
}
