/** Images that are begun one after the other, and written side by side. */
import { cancelled } from "#errors";
import type { BakedImage } from "./bake.ts";
import type { OpenedTarget } from "./run.ts";

export interface TurnOptions {
  /** How many are under way at most. */
  readonly parallel: number;
  readonly signal: AbortSignal | undefined;
  /** The next one isn't begun before this one says that it is planned, or has ended. */
  readonly work: (one: OpenedTarget, isPlanned: () => void) => Promise<BakedImage["built"]>;
  /** The first of those with the same leader is made alone; undefined for one that is only planned. */
  readonly leaderOf: (one: OpenedTarget) => string | undefined;
  /** How many there will be results of. */
  readonly all: number;
  readonly onDone?:
    | ((image: BakedImage, counts: { readonly done: number; readonly all: number }) => void)
    | undefined;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** Does the work of each, whatever becomes of others. @throws VarveError `ABORTED` */
export async function inTurns(all: readonly OpenedTarget[], options: TurnOptions): Promise<BakedImage[]> {
  const { parallel, signal, work, leaderOf, onDone, now, all: count } = options;
  const results: BakedImage[] = [];
  const running = new Set<Promise<void>>();
  const leaders = new Map<string, Promise<void>>();
  let done = 0;
  const begin = (one: OpenedTarget, index: number) => {
    const planned = Promise.withResolvers<void>();
    const since = now();
    const finish = (result: Pick<BakedImage, "built" | "error">) => {
      const image = { target: one.target.name, ...result, milliseconds: now() - since };
      results[index] = image;
      onDone?.(image, { done: ++done, all: count });
    };
    const ended = work(one, planned.resolve).then(
      (built) => {
        if (built !== undefined) finish({ built, error: undefined });
      },
      (error: unknown) => finish({ built: undefined, error }),
    );
    return { planned: Promise.race([planned.promise, ended]), ended };
  };
  try {
    for (const [index, one] of all.entries()) {
      const leader = leaderOf(one);
      if (leader !== undefined) await leaders.get(leader);
      if (running.size >= parallel) await Promise.race(running);
      if (signal?.aborted) break;
      const { planned, ended } = begin(one, index);
      const task = ended.finally(() => running.delete(task));
      running.add(task);
      if (leader !== undefined && !leaders.has(leader)) leaders.set(leader, ended);
      await planned;
    }
  } finally {
    await Promise.all(running);
  }
  if (signal?.aborted) throw cancelled("the run");
  return results.filter((result) => result !== undefined);
}
