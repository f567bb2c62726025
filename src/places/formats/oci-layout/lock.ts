/**
 * A lock between processes that share a folder. Node has no `flock`, so it is a file that is made as a hard link to a complete
 * one: a process that is killed at any moment leaves either the whole lock or none.
 *
 * A lock whose process has ended isn't removed by a waiter: two waiters could do so one after the other, and the second
 * would remove the first one's lock. Instead the chain is continued: the process that makes the file `lock.ID`, where `ID`
 * is the dead lock's, has the lock next, and so on. The process that has the last link of such a chain removes all of it
 * when it is done, `lock` first. A slow waiter may then still add a link to a lock that is gone; it notices that `lock` has
 * changed, and starts over.
 */
import { randomUUID } from "node:crypto";
import { link, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { errnoOf, VarveError, writeError } from "#errors";
import { hasEnded, type Owner, ownedName } from "#util";

const LOCK = "lock";

/** Pauses between attempts, in milliseconds; the work under the lock takes only a few milliseconds. */
const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 50;
/** Attempts add up to a minute. */
const MAX_ATTEMPTS = 1250;

/** The content of a lock file. */
interface Holder extends Owner {
  readonly id: string;
}

export interface LockOptions {
  /** A folder for the lock's files; it exists, or `prepare` makes it. */
  readonly folder: string;
  readonly owner: Owner;
  /** Makes the folder again if it has gone. */
  readonly prepare: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does `work` while no other process that uses this lock does.
 * @throws VarveError `UNWRITABLE` if another process keeps the lock for a minute; whatever `work` throws
 */
export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  const { folder, owner } = options;
  const id = randomUUID();
  const own = join(folder, ownedName(owner, `${id}.lock`));
  const chain = await acquire(options, { own, id });
  try {
    await removeRemains(folder, { owner, chain });
    return await work();
  } finally {
    for (const name of chain) await rm(join(folder, name), { force: true });
    await rm(own, { force: true });
  }
}

/** Waits until the lock is held, and returns the names of the chain's files. */
async function acquire(
  { folder, owner, prepare, signal }: LockOptions,
  { own, id }: { own: string; id: string },
): Promise<string[]> {
  const content = JSON.stringify({ ...owner, id } satisfies Holder);
  let pause = FIRST_PAUSE;
  let holder: Holder | undefined;
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      signal?.throwIfAborted();
      await prepare();
      const taken = (await isWritten(own, content))
        ? await followChain({ folder, owner, own, content })
        : undefined;
      if (Array.isArray(taken)) return taken;
      holder = taken ?? holder;
      await setTimeout(pause);
      pause = Math.min(pause + FIRST_PAUSE, LONGEST_PAUSE);
    }
  } catch (error) {
    await rm(own, { force: true });
    throw errnoOf(error) === undefined ? error : writeError(folder, error);
  }
  await rm(own, { force: true });
  const who = holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}`;
  throw new VarveError(
    "UNWRITABLE",
    `${join(folder, LOCK)} is held by ${who}; if that doesn't run any more, remove the folder ${folder}`,
  );
}

/** Writes a file, unless its folder has been removed by a process that had finished. */
async function isWritten(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

interface Attempt {
  readonly folder: string;
  readonly owner: Owner;
  readonly own: string;
  readonly content: string;
}

/** Takes the lock and returns the chain; otherwise returns which process has it, as far as that is known. */
async function followChain({ folder, owner, own, content }: Attempt): Promise<string[] | Holder | undefined> {
  const chain: string[] = [];
  let root: string | undefined;
  for (let name = LOCK; ; ) {
    chain.push(name);
    if (await make(join(folder, name), { own, content })) {
      if (root === undefined || (await readHolder(join(folder, LOCK)))?.id === root) return chain;
      await rm(join(folder, name), { force: true });
      return undefined;
    }
    const holder = await readHolder(join(folder, name));
    if (holder === undefined || !(await hasEnded(holder, owner))) return holder;
    root ??= holder.id;
    name = `${LOCK}.${holder.id}`;
  }
}

/** Makes a lock file, complete from the start; false if there is one. */
async function make(path: string, { own, content }: { own: string; content: string }): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    // The folder was removed by a process that had finished; the next attempt makes it again.
    if (errno === "EEXIST" || errno === "ENOENT") return false;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errno)) throw error;
  }
  // The file system has no hard links: here, a lock that a killed process left empty must be removed by hand.
  try {
    await writeFile(path, content, { flag: "wx" });
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    const { id, pid, start, place, host } = value as Holder;
    const texts = [id, start, place, host].every((text) => typeof text === "string");
    return texts && Number.isInteger(pid) && /^[0-9a-f-]{36}$/.test(id)
      ? { id, pid, start, place, host }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Removes links of chains that are gone, left by processes that were killed while they removed them. */
async function removeRemains(
  folder: string,
  { owner, chain }: { owner: Owner; chain: readonly string[] },
): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${LOCK}.`) || chain.includes(name)) continue;
    const holder = await readHolder(join(folder, name));
    if (holder !== undefined && (await hasEnded(holder, owner)))
      await rm(join(folder, name), { force: true });
  }
}
