/** Reports images that have been written. */
import type { BuiltIndex, WriteProgress } from "#app";
import { printJson, say } from "./output.ts";
import { Progress } from "./progress.ts";
import { platformLayerLines, platformLines } from "./summary/platforms.ts";
import { layerLines, type Summarised, summaryLines } from "./summary/summary.ts";

export interface WrittenOptions {
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Runs an operation that writes an image, with progress on stderr where that is a terminal; then says in few lines what was
 * written, or prints that as JSON.
 */
export async function tellWritten(
  write: (onProgress: (progress: WriteProgress) => void) => Promise<Summarised>,
  { quiet = false, verbose = false, json = false, several = false }: WrittenOptions & { several?: boolean },
): Promise<void> {
  const progress = new Progress({ quiet, several });
  const image = await write(progress.report);
  progress.finish();
  if (json) await printJson(image.places);
  else if (!quiet) {
    if (verbose) for (const line of layerLines(image)) say(line);
    for (const line of summaryLines(image, secondsSinceStart())) say(line);
  }
}

/** As {@link tellWritten}, of an index and the images that it names. */
export async function tellIndex(
  write: (onProgress: (progress: WriteProgress) => void) => Promise<BuiltIndex>,
  { quiet = false, verbose = false, json = false, several = false }: WrittenOptions & { several?: boolean },
): Promise<void> {
  const progress = new Progress({ quiet, several });
  const index = await write(progress.report);
  progress.finish();
  if (json) {
    const places = index.places.map(({ images: _, ...place }) => place);
    const images = index.images.map(({ platform, places }) => ({ platform, places }));
    await printJson({ digest: index.digest, places, images });
  } else if (!quiet) {
    if (verbose) for (const line of platformLayerLines(index)) say(line);
    for (const line of platformLines(index, secondsSinceStart())) say(line);
  }
}

/** For how long this process has been running: that is how long the user has been waiting. */
export function secondsSinceStart(): number {
  return performance.now() / 1000;
}
