/** File capabilities: from the words of `setcap` to the bytes that the kernel keeps in an attribute. */
import { VarveError } from "#errors";
import { decodeName, encodeName } from "#util";

/** By their numbers: capabilities(7), linux/capability.h. */
const NAMES =
  `chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
  net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
  sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
  mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`.split(/\s+/);

/** VFS_CAP_REVISION_2 and VFS_CAP_FLAGS_EFFECTIVE of linux/capability.h. */
const REVISION = 0x0200_0000;
const EFFECTIVE = 1;

type Flag = "e" | "i" | "p";
type Sets = Record<Flag, Set<number>>;

/**
 * The value of the attribute `security.capability` for what setcap(8) would be told, such as `cap_net_raw+ep`: the
 * kernel's structure vfs_cap_data, revision 2, its bytes held as `util/names` holds those of names.
 * @throws VarveError `INVALID_SPEC`
 */
export function encodeCapabilities(text: string): string {
  const sets: Sets = { e: new Set(), i: new Set(), p: new Set() };
  const clauses = text.trim().split(/\s+/);
  for (const clause of clauses) applyClause(sets, clause, text);
  const held = new Set([...sets.p, ...sets.i]);
  // A file has a single bit that makes all of its capabilities effective.
  const consistent =
    sets.e.size === 0 || (sets.e.size === held.size && [...sets.e].every((n) => held.has(n)));
  if (held.size === 0 || !consistent) {
    throw malformed(text, "a file's effective capabilities are all of its others, or none");
  }
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32LE((REVISION | (sets.e.size > 0 ? EFFECTIVE : 0)) >>> 0, 0);
  for (const [set, at] of [
    [sets.p, 4],
    [sets.i, 8],
  ] as const) {
    for (const number of set) {
      const word = at + (number >= 32 ? 8 : 0);
      bytes.writeUInt32LE((bytes.readUInt32LE(word) | (1 << (number % 32))) >>> 0, word);
    }
  }
  return decodeName(bytes);
}

/**
 * The words for setcap(8) that give a value of the attribute `security.capability`; undefined if there are none.
 * @param value as {@link encodeCapabilities} gives it
 */
export function decodeCapabilities(value: string): string | undefined {
  const bytes = Buffer.from(encodeName(value));
  if (bytes.length !== 20) return undefined;
  const revision = bytes.readUInt32LE(0);
  if ((revision & ~EFFECTIVE) >>> 0 !== REVISION) return undefined;
  const has = (at: number, number: number) =>
    ((bytes.readUInt32LE(at + (number >= 32 ? 8 : 0)) >>> (number % 32)) & 1) === 1;
  const named = new Map<string, string[]>();
  for (let number = 0; number < 64; number++) {
    const flags = `${has(8, number) ? "i" : ""}${has(4, number) ? "p" : ""}`;
    if (flags === "") continue;
    const name = NAMES[number];
    if (name === undefined) return undefined;
    named.set(flags, [...(named.get(flags) ?? []), `cap_${name}`]);
  }
  const effective = (revision & EFFECTIVE) === 0 ? "" : "e";
  const clauses = [...named].map(([flags, names]) => `${names.join(",")}=${effective}${flags}`);
  return clauses.length === 0 ? undefined : clauses.join(" ");
}

/** One clause, such as `cap_chown,cap_kill=ep` or `all+p-e`: cap_from_text(3). */
function applyClause(sets: Sets, clause: string, text: string): void {
  const [, list = "", actions = ""] = /^([a-z0-9_,]*)((?:[=+-][eip]*)+)$/i.exec(clause) ?? [];
  // Without a list only "=" makes sense, and means all.
  if (actions === "" || (list === "" && !actions.startsWith("=")))
    throw malformed(text, "it has no such form");
  const numbers =
    list === "" || list.toLowerCase() === "all"
      ? [...NAMES.keys()]
      : list.split(",").map((name) => numberOf(name, text));
  for (const [action] of actions.matchAll(/[=+-][eip]*/gi)) {
    const flags = new Set(action.slice(1).toLowerCase()) as Set<Flag>;
    for (const flag of ["e", "i", "p"] as const) {
      const raise = action[0] !== "-" && flags.has(flag);
      const lower = action[0] === "=" || flags.has(flag);
      for (const number of numbers) {
        if (raise) sets[flag].add(number);
        else if (lower) sets[flag].delete(number);
      }
    }
  }
}

function numberOf(name: string, text: string): number {
  const number = NAMES.indexOf(name.toLowerCase().replace(/^cap_/, ""));
  if (number === -1 || !/^cap_/i.test(name)) throw malformed(text, `there is no capability ${name}`);
  return number;
}

function malformed(text: string, why: string): VarveError {
  return new VarveError(
    "INVALID_SPEC",
    `the capabilities ${JSON.stringify(text)} can't be a file's: ${why}; write them as for setcap, such as cap_net_raw+ep`,
  );
}
