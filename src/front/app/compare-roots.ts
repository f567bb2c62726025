/** Compares the root file systems of two images, whatever layers they are in. */
import { compareRoots as compareLayers, type RootComparison } from "#compare";
import { type OperationOptions, operate } from "./machine.ts";
import { openImages } from "./open-images.ts";

/** How two roots compare, and whose they are. */
export interface ComparedRoots extends RootComparison {
  /** What people call the images' places. */
  readonly sources: readonly [before: string, now: string];
}

/**
 * Says at which paths the root file systems of two images differ: in type, content, links, hard links, mode, owner, time or
 * extended attributes. How they are split into layers doesn't matter.
 * @param from - where the one image is
 * @param to - where the other is
 * @throws VarveError what opening and reading the images throws; `TOO_LARGE` for more files than fit in memory
 */
export async function compareRoots(
  from: string,
  to: string,
  options: OperationOptions = {},
): Promise<ComparedRoots> {
  return await operate(options, async (operation) => {
    await using opened = await openImages([from, to], operation);
    const [before, now] = opened.images;
    const comparison = await compareLayers(before!.layers, now!.layers, { signal: operation.signal });
    return { ...comparison, sources: [from, to] };
  });
}
