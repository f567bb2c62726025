/** Reports images that have been written. */
import type { BuiltIndex, CopiedWithReferrers, WriteProgress } from "#app";
import { counted } from "#report";
import { printJson, say } from "./output.ts";
import { Progress } from "./progress.ts";
import { platformLayerLines, platformLines, type SummarisedIndex } from "./summary/platforms.ts";
import { indexLines, layerLines, type Summarised, summaryLines } from "./summary/summary.ts";

export interface WrittenOptions {
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** What of a result is said, and in which words. */
interface Words<T> {
  readonly json: (result: T) => unknown;
  readonly layers: (result: T) => readonly string[];
  readonly summary: (result: T, seconds: number) => readonly string[];
}

type Write<T> = (onProgress: (progress: WriteProgress) => void) => Promise<T>;

interface TellOptions extends WrittenOptions {
  readonly several?: boolean;
}

/**
 * Runs an operation that writes an image, with progress on stderr where that is a terminal; then says in few lines what was
 * written, or prints that as JSON.
 */
export async function tellWritten(write: Write<Summarised>, options: TellOptions): Promise<void> {
  await tell(write, options, { json: ({ places }) => places, layers: layerLines, summary: summaryLines });
}

/** As {@link tellWritten}, of an index and the images that it names. */
export async function tellIndex(write: Write<SummarisedIndex>, options: TellOptions): Promise<void> {
  const json = ({ digest, places, images }: BuiltIndex) => ({
    digest,
    places: places.map(({ images: _, ...place }) => place),
    images: images.map(({ platform, places }) => ({ platform, places })),
  });
  await tell(write, options, { json, layers: platformLayerLines, summary: platformLines });
}

/** As {@link tellWritten}, of an image or an index that was copied with what hangs on it. */
export async function tellCopied(write: Write<CopiedWithReferrers>, options: TellOptions): Promise<void> {
  const along = ({ referrers }: CopiedWithReferrers) =>
    referrers === 0
      ? "Nothing hangs on it"
      : `With ${counted(referrers, "artifact")} that hang${referrers === 1 ? "s" : ""} on it`;
  await tell(write, options, {
    json: (copied) => copied,
    layers: ({ images }) => images.flatMap((image) => layerLines({ places: [image] })),
    summary: (copied, seconds) => {
      const { manifests, images } = copied;
      const lines =
        manifests === undefined
          ? summaryLines({ places: images }, seconds)
          : indexLines({ ...copied, manifests }, seconds);
      return [...lines.slice(0, 2), `  ${along(copied)}`, ...lines.slice(2)];
    },
  });
}

async function tell<T>(
  write: Write<T>,
  { quiet = false, verbose = false, json = false, several = false }: TellOptions,
  words: Words<T>,
): Promise<void> {
  const progress = new Progress({ quiet, several });
  const result = await write(progress.report);
  progress.finish();
  if (json) await printJson(words.json(result));
  else if (!quiet) {
    if (verbose) for (const line of words.layers(result)) say(line);
    for (const line of words.summary(result, secondsSinceStart())) say(line);
  }
}

/** For how long this process has been running: that is how long the user has been waiting. */
export function secondsSinceStart(): number {
  return performance.now() / 1000;
}
