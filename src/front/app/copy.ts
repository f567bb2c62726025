/** Copies an image from one place to others. */
import { draftOf } from "#image";
import { transcoded } from "#write";
import { type OperationOptions, operate } from "./machine.ts";
import { type Target, type WritingOptions, type Written, writeDraft } from "./places.ts";
import { openSigned } from "./signatures/doors.ts";
import type { SourceDemand } from "./signatures/open.ts";

/** How an image is copied. */
export interface CopyOptions extends OperationOptions, WritingOptions {
  /** Whose signature the image must have; it is then read by the digest that was verified. */
  readonly verify?: SourceDemand | undefined;
}

/**
 * Copies an image. Its digest stays the same if the place can store it unchanged and no other compression is asked for.
 * @param from - where it is
 * @param to - where it is to be; each layer is read once for all of them
 * @returns one for each place
 * @throws VarveError `NOT_VERIFIED`, and what opening and reading the image, and writing it, throw
 */
export async function copy(
  from: string,
  to: Target | readonly Target[],
  options: CopyOptions = {},
): Promise<Written[]> {
  const { compression } = options;
  return await operate(options, async (operation) => {
    const opened = await openSigned(from, options.verify, operation);
    await using source = opened.source;
    const image = await source.read(operation.read);
    const draft = compression === undefined ? draftOf(image) : transcoded(image, compression);
    return await writeDraft(draft, [to].flat(), { operation, options });
  });
}
