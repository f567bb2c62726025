import { hash } from "node:crypto";
import { posix } from "node:path";
import { encodeName } from "#util";

/** Longer paths are kept as hashes, so that each entry takes less memory than it takes in the archive. */
const LONGEST = 64;

/** A set takes no more than 2 ** 24. */
const FULL = 2 ** 23;

/**
 * The paths of an archive, as the Docker Engine and podman compare them: however they are written, `./a` and `a//` are
 * the same, but `/a` isn't.
 */
export class SeenPaths {
  readonly #sets: Set<string>[] = [new Set()];

  /** Adds an entry's name; whether its path was there before. */
  add(name: string): boolean {
    const path = posix.normalize(name).replace(/(?<=.)\/$/, "");
    const key = path.length > LONGEST ? hash("sha256", encodeName(path), "base64") : path;
    if (this.#sets.some((set) => set.has(key))) return true;
    if (this.#sets.at(-1)!.size === FULL) this.#sets.push(new Set());
    this.#sets.at(-1)!.add(key);
    return false;
  }
}
