/** Which blobs a registry's repositories have, as far as this process has sent them there or found them. */
import type { Descriptor } from "#oci";

type Known = Pick<Descriptor, "digest" | "size">;

/** How long that counts, in milliseconds: registries remove in the end what no manifest names. */
const LASTS = 15 * 60_000;

/** Knows of a registry's blobs, so that what one image has brought isn't sent, nor asked for, for another. */
export class ArrivedBlobs {
  /** When a blob was seen in repositories, those first that had it first. */
  readonly #seen = new Map<string, Map<string, number>>();
  readonly #now: () => number;

  /** @param now a clock in milliseconds that never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  note(repository: string, blob: Known): void {
    const key = keyOf(blob);
    const repositories = this.#seen.get(key) ?? new Map<string, number>();
    this.#seen.set(key, repositories.set(repository, this.#now()));
  }

  isIn(repository: string, blob: Known): boolean {
    return this.#isRecent(this.#seen.get(keyOf(blob))?.get(repository));
  }

  /** Another repository that has a blob. */
  elsewhere(repository: string, blob: Known): string | undefined {
    for (const [each, time] of this.#seen.get(keyOf(blob)) ?? [])
      if (each !== repository && this.#isRecent(time)) return each;
    return undefined;
  }

  #isRecent(time: number | undefined): boolean {
    return time !== undefined && this.#now() - time < LASTS;
  }
}

// A cache may have a wrong size for the right digest.
const keyOf = ({ digest, size }: Known): string => `${digest} ${size}`;
