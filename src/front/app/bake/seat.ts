/** One image among those that are made together. */
import type { Seat } from "#measure";
import type { Operation } from "../machine.ts";
import type { WriteProgress, WritingOptions } from "../places.ts";

/** Makes an image that takes layers from others that are made at the same time, where there are any. */
export async function seated<T>(
  { machine }: Operation,
  places: number,
  make: (seat: Seat | undefined) => Promise<T>,
): Promise<T> {
  const seat = machine.together?.layers.seat(places);
  let isDone = false;
  try {
    const made = await make(seat);
    isDone = true;
    return made;
  } finally {
    seat?.leave(isDone);
  }
}

/** Tells others which layers are stored, besides whoever listens. */
export function telling(
  seat: Seat,
  onProgress: WritingOptions["onProgress"],
): (progress: WriteProgress) => void {
  return (progress) => {
    if (progress.outcome !== undefined && progress.digest !== undefined) seat.stored(progress.digest);
    onProgress?.(progress);
  };
}
