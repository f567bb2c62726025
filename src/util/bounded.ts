import { VarveError } from "#errors";

/** More than the largest images have, and less than most disks. */
const DEFAULT_MAX_SPOOL = 32e9;

/** What may be kept on this machine's disk of what others made. */
export interface SpoolLimit {
  /** The most bytes of one archive or root file system in a temporary place; 32 GB unless said. */
  readonly maxSpool?: number | undefined;
}

/**
 * Passes on what is going to be kept in a temporary file, as long as that isn't more than a user wants: few bytes may
 * decompress to any number, and a pipe needn't end.
 * @param what names the bytes in errors
 * @throws VarveError `TOO_LARGE`
 */
export async function* boundedSpool(
  chunks: AsyncIterable<Uint8Array>,
  { what, maxSpool = DEFAULT_MAX_SPOOL }: SpoolLimit & { what: string },
): AsyncGenerator<Uint8Array, void, void> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxSpool) {
      throw new VarveError(
        "TOO_LARGE",
        `${what} takes more than ${maxSpool} bytes in a temporary file, the most that --max-spool allows; if it is what it should be, give it more`,
      );
    }
    yield chunk;
  }
}
