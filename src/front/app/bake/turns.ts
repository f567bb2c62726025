/** Images that are begun one after the other, and written side by side. */
import { cancelled, VarveError } from "#errors";
import type { BakedImage, OpenedTarget } from "./bake.ts";

export interface TurnOptions {
  /** How many are under way at most. */
  readonly parallel: number;
  readonly signal: AbortSignal | undefined;
  /** The next one isn't begun before this one says that it is planned, or has ended. */
  readonly work: (one: OpenedTarget, isPlanned: () => void) => Promise<NonNullable<BakedImage["built"]>>;
  /** The first of those with the same leader is made alone. */
  readonly leaderOf: (one: OpenedTarget) => string;
  readonly onDone?:
    | ((image: BakedImage, counts: { readonly done: number; readonly all: number }) => void)
    | undefined;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** Does the work of each, whatever becomes of others. @throws VarveError `ABORTED` */
export async function inTurns(all: readonly OpenedTarget[], options: TurnOptions): Promise<BakedImage[]> {
  const { parallel, signal, work, leaderOf, onDone, now } = options;
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
      onDone?.(image, { done: ++done, all: all.length });
    };
    const ended = work(one, planned.resolve).then(
      (built) => finish({ built, error: undefined }),
      (error: unknown) => finish({ built: undefined, error }),
    );
    return { planned: Promise.race([planned.promise, ended]), ended };
  };
  try {
    for (const [index, one] of all.entries()) {
      await leaders.get(leaderOf(one));
      if (running.size >= parallel) await Promise.race(running);
      if (signal?.aborted) break;
      const { planned, ended } = begin(one, index);
      const task = ended.finally(() => running.delete(task));
      running.add(task);
      if (!leaders.has(leaderOf(one))) leaders.set(leaderOf(one), ended);
      await planned;
    }
  } finally {
    await Promise.all(running);
  }
  if (signal?.aborted) throw cancelled("the run");
  return results;
}

/** Whether a target failed for itself, and not since the run was ended. */
export function isOwnFailure({ error }: BakedImage): boolean {
  return error !== undefined && !(error instanceof VarveError && error.code === "ABORTED");
}
