/** Trees that another thread lists while this one has other things to do. */
import type { Worker } from "node:worker_threads";
import { startThread } from "#util";
import { type ListedTree, listTree, type TreeListing, treeKey } from "./listing.ts";

/** What the thread is started with. */
export interface AheadWork {
  readonly trees: readonly ListedTree[];
  /** A number for each tree: whose it is. */
  readonly claims: SharedArrayBuffer;
}

const NOBODYS = 0;
const OURS = 1;
const THREADS = 2;

/** Takes a tree if it is nobody's. @returns whose it was */
function claim(claims: Int32Array, at: number, whose: number): number {
  return Atomics.compareExchange(claims, at, NOBODYS, whose);
}

/** The thread's work: lists the trees that nobody else has begun with, until there are no more. The others are undefined. */
export function listClaimed({ trees, claims }: AheadWork): (TreeListing | undefined)[] {
  const claimed = new Int32Array(claims);
  return trees.map(({ source, exclude = [] }, at) => {
    if (claim(claimed, at, THREADS) !== NOBODYS) return undefined;
    try {
      return listTree(source, { exclude, identify: true });
    } catch {
      // Removed, perhaps. Whoever asks for it lists it, and gets the error.
      return undefined;
    }
  });
}

/**
 * Trees that are likely to be asked for, which a thread has begun to list. Each of them is listed once: by the thread, or by whoever
 * comes before it.
 */
export class ListedAhead {
  readonly #at: ReadonlyMap<string, number>;
  readonly #claims: Int32Array;
  readonly #worker: Worker;
  readonly #listings: Promise<readonly (TreeListing | undefined)[]>;

  /** @returns undefined where no thread can be started */
  static begin(trees: readonly ListedTree[]): ListedAhead | undefined {
    const claims = new SharedArrayBuffer(trees.length * Int32Array.BYTES_PER_ELEMENT);
    const worker = startThread({ job: "list", data: { trees, claims } satisfies AheadWork });
    return worker && new ListedAhead(worker, trees, new Int32Array(claims));
  }

  private constructor(worker: Worker, trees: readonly ListedTree[], claims: Int32Array) {
    this.#at = new Map(trees.map((tree, at) => [treeKey(tree), at]));
    this.#claims = claims;
    this.#worker = worker;
    this.#listings = new Promise((resolve) => {
      worker.once("message", resolve);
      // One that fails leaves all to who needs it.
      worker.once("error", () => {});
      worker.once("exit", () => resolve([]));
    });
  }

  /** Whether the thread lists a tree, or has done so. If not, it never will. */
  has(tree: ListedTree): boolean {
    const at = this.#at.get(treeKey(tree));
    return at !== undefined && claim(this.#claims, at, OURS) === THREADS;
  }

  /** Waits for the thread, and gives each listing that it has made. */
  async listings(): Promise<(tree: ListedTree) => TreeListing | undefined> {
    // Nothing else may keep the process running.
    this.#worker.ref();
    const listings = await this.#listings;
    this.#worker.unref();
    return (tree) => listings[this.#at.get(treeKey(tree)) ?? -1];
  }
}
