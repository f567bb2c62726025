/** Which process a file in a shared folder belongs to, and whether that process is still there. */
import { createHash } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { errnoOf } from "#errors";

/** A process, distinguishable from any other that may have the same number, on this machine or elsewhere. */
export interface Owner {
  readonly pid: number;
  /** When it started, as the system counts; empty where that can't be known. */
  readonly start: string;
  /** The machine, since it was started, and the part of it in which process numbers have a meaning. */
  readonly place: string;
  readonly host: string;
}

/** This process. */
export async function currentOwner(): Promise<Owner> {
  const host = hostname();
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  const space = await readlink("/proc/self/ns/pid").catch(() => "");
  const place = createHash("sha256")
    .update(JSON.stringify([host, boot, space]))
    .digest("hex")
    .slice(0, 16);
  const start = (await startOf(process.pid)) ?? "";
  return { pid: process.pid, start, place, host };
}

/** Whether a process has surely ended. Of processes elsewhere nothing is known, so they count as running. */
export async function hasEnded(owner: Owner, current: Owner): Promise<boolean> {
  if (owner.place !== current.place) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return true;
  }
  // Another process may have the number by now.
  return owner.start !== "" && (await startOf(owner.pid)) !== owner.start;
}

/** The start time of a process that runs; undefined for one that has ended, or where that can't be known. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name, in parentheses, can have any character in it; after it come the state and the other fields: proc_pid_stat(5).
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" ? undefined : fields[18];
}

/** The owner in a file's name; what follows it makes the name unique. */
export function ownedName({ pid, start, place }: Owner, unique: string): string {
  return `${place}-${pid}-${start}-${unique}`;
}

/** The owner that is named in a file's name; undefined for names of another kind. */
export function ownerOfName(name: string): Owner | undefined {
  const match = /^([0-9a-f]{16})-([0-9]{1,10})-([0-9]*)-/.exec(name);
  return match === null ? undefined : { place: match[1]!, pid: Number(match[2]), start: match[3]!, host: "" };
}
