import { EntryType, type TarEntry } from "#tar";
import type { LayerRecipe, Ownership, PermissionRule } from "./recipe.ts";

/** The attribute for file capabilities, under the name that GNU tar, libarchive and container runtimes look for in pax records. */
const CAPABILITY_RECORD = "SCHILY.xattr.security.capability";

/**
 * Returns the function that applies a recipe's rules to an entry, whose name is its absolute path; undefined if the recipe
 * has no rules, so that the usual case costs nothing.
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

/** @param rule all matching rules, merged into one */
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

/** The name of a user. Only the recipe owner's name is known, and tar would trust a wrong name more than the number. */
export function userName(uid: number, owner: Ownership): string {
  return uid === owner.uid ? owner.uname : "";
}

/** The name of a group; see {@link userName}. */
export function groupName(gid: number, owner: Ownership): string {
  return gid === owner.gid ? owner.gname : "";
}
